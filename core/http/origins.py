"""Which pages may call what works with cookies: those of listed origins, and of the API's own."""

from starlette.requests import Request
from starlette.types import Scope

from core.http import context, headers
from core.problems import Problem, ProblemError
from core.urls import canonical, is_trustworthy


def reject_other_origins(request: Request) -> None:
    """Raises ProblemError 403 unless the request's one Origin is literally in CORS_ORIGINS or the API's own.

    Browsers send it with every POST (Fetch, section 3.2), and no page can choose it: a request that a page of somebody
    else makes with the cookie of its reader is known by it.
    """
    given = headers.values(request.scope, b"origin")
    own = own_origin(request.scope)
    allowed = (*context.of(request).services.settings.cors_origins, own if is_trustworthy(own) else None)
    if len(given) != 1 or given[0] not in allowed:
        detail = "The page must be of an origin in CORS_ORIGINS or of the API's own, and say so in `Origin`."
        reason = "origin_not_allowed" if given else "no_origin"
        raise ProblemError(Problem.ORIGIN_NOT_ALLOWED, detail, reason=reason)


def own_origin(scope: Scope) -> str:
    """The origin that the request was sent to: the scheme as a trusted proxy tells it, the host as the browser does.

    Empty where that is not known.
    """
    hosts = headers.values(scope, b"host")
    return canonical(f"{scope['scheme']}://{hosts[0]}".lower()) if len(hosts) == 1 else ""
