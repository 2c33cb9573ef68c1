"""The dependency that gives an endpoint its repository, bound to the current user."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

from fastapi import Depends, Path, Request
from fastapi.dependencies.models import Dependant

from core.http import context, headers
from core.resources.models import Versioned
from core.resources.preconditions import expected_versions, reject_if_none_match
from core.resources.repository import OwnedRepository

R = TypeVar("R", bound=OwnedRepository)

_MARK = "gives_owned_repository"
_USER_ID = Path(description="The current user's own id, or `me`. Anybody else's is 403.")


def owned(repository: type[R]) -> Any:
    """A dependency that makes `repository` for the current user: `Annotated[TaskRepository, owned(TaskRepository)]`.

    Raises ProblemError 400 for a malformed If-Match, and for an If-None-Match with a write.
    """

    # `user_id` is here for the document; core.http.authorization has compared it with the token before.
    async def build(request: Request, user_id: Annotated[str, _USER_ID]) -> R:  # noqa: ARG001
        found = context.of(request)
        if request.method != "GET":
            reject_if_none_match(headers.values(request.scope, b"if-none-match"))
        versions = expected_versions(headers.values(request.scope, b"if-match"), found.user.tag)
        return repository(found.executor, found.user, found.services.accounts, versions)

    setattr(build, _MARK, True)
    return Depends(build)


def takes_owned(dependant: Dependant) -> bool:
    """Whether an operation gets a repository of the current user, which heeds If-Match."""
    return any(getattr(one.call, _MARK, False) or takes_owned(one) for one in dependant.dependencies)


def gives_row(endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint says that it gives one row with a version, of which its ETag is made."""
    given = get_type_hints(endpoint).get("return")
    return isinstance(given, type) and issubclass(given, Versioned)
