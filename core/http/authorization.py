"""Who calls, and whether what they call for is theirs: decided from the token and the path, before anything else."""

from fastapi import Request
from fastapi.routing import iter_route_contexts
from starlette.types import Scope

from core.http import context, headers
from core.http.json_body import ACCEPT_PATCH
from core.problems import Problem, ProblemError
from core.tokens.advice import advice
from core.tokens.claims import TokenError

API = "/api/v1"
# Whatever lies below this, and the id that follows, belongs to that user.
OWNED = f"{API}/users/"
ME = "me"


async def authorize(request: Request) -> None:
    """Finds out who calls, from the token and the path alone. Raises ProblemError 401 or 403."""
    scope, found = request.scope, context.of(request)
    try:
        principal = await found.services.verifier.verify(_token(scope))
    except TokenError as error:
        detail = "The token is expired, malformed, or not made for this API."
        told = {**error.fields, "advice": advice(str(error), error.fields)}
        raise ProblemError(Problem.INVALID_TOKEN, detail, reason=str(error), fields=told) from None
    found.principal = principal
    path: str = scope["path"]
    owner = path[len(OWNED) :].split("/", 1)[0] if path.startswith(OWNED) else request.path_params.get("user_id", ME)
    if owner not in (ME, principal.user_id):
        raise ProblemError(Problem.FORBIDDEN, "The user in the path is not the user of the token.")


def _token(scope: Scope) -> str:
    values = headers.values(scope, b"authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        reason = "not_one_bearer_token" if values else None
        raise ProblemError(Problem.MISSING_TOKEN, "Send one header `Authorization: Bearer <token>`.", reason=reason)
    return token.strip(" ")


def is_owned_path(request: Request) -> bool:
    """Whether the path lies in somebody's part of the API, whatever follows."""
    path: str = request.scope["path"]
    return path.startswith(OWNED)


def allowed(request: Request) -> dict[str, str]:
    """The headers that say what the request's path takes (RFC 9110, section 10.2.1; RFC 5789, section 3.1)."""
    path: str = request.scope["path"]
    contexts = iter_route_contexts(request.app.routes)
    found = {method for context in contexts if context.path_regex.match(path) for method in context.methods or ()}
    methods = sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))
    return {"Allow": ", ".join(methods), **({"Accept-Patch": ACCEPT_PATCH} if "PATCH" in found else {})}
