"""How an endpoint gets its repository: born with the caller as its owner."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request

from core import headers, wiring
from core.access import caller
from core.preconditions import expected_versions, refuse_if_none_match
from core.repository import OwnedRepository

R = TypeVar("R", bound=OwnedRepository)

_USER_ID = Path(description="The caller's own id, or `me`. Anybody else's is 403.")


def owned(repository: type[R]) -> Any:
    """A dependency that makes `repository` for the caller: `Annotated[TaskRepository, owned(TaskRepository)]`."""

    # `user_id` is here for the document; core.access has compared it with the token before.
    async def build(request: Request, user_id: Annotated[str, _USER_ID]) -> R:  # noqa: ARG001
        wired = wiring.of(request)
        executor = request.scope.get("executor", wired.database)
        if request.method != "GET":
            refuse_if_none_match(headers.values(request.scope, b"if-none-match"))
        versions = expected_versions(headers.values(request.scope, b"if-match"))
        return repository(executor, caller(request), wired.accounts, versions)

    return Depends(build)
