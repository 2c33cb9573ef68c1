"""The dependency that gives an endpoint its repository, bound to the current user."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request
from fastapi.dependencies.models import Dependant

from core.http import context, headers
from core.resources.preconditions import (
    NONE,
    Conditions,
    conditions_of_write,
    expected_versions,
    known_numbers,
)
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
        asks = b"if-match" in found.headers or b"if-none-match" in found.headers
        conditions = _conditions(request, repository) if asks else NONE
        return repository(found.executor, found.user, found.services.accounts, conditions)

    setattr(build, _MARK, repository)
    return Depends(build)


def _conditions(request: Request, repository: type[OwnedRepository]) -> Conditions:
    found = context.of(request)
    owner = found.user.tag
    if_match = headers.values(request.scope, b"if-match")
    if_none_match = headers.values(request.scope, b"if-none-match")
    if request.method == "GET":
        known = known_numbers(if_none_match, owner, found.tags.schema)
        return Conditions(expected_versions(if_match, owner), known=known)
    puts = request.method == "PUT" and repository.puts
    made = conditions_of_write(if_match, if_none_match, owner, puts=puts)
    found.makes = made.absent
    return made


def owned_repository(dependant: Dependant) -> type[OwnedRepository] | None:
    """The class of the repository of the current user that an operation gets, if it gets one; it heeds If-Match."""
    for one in dependant.dependencies:
        found: type[OwnedRepository] | None = getattr(one.call, _MARK, None) or owned_repository(one)
        if found:
            return found
    return None
