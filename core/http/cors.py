"""Which pages may read responses: those of CORS_ORIGINS; what is not allowed is said, to the page and in the log."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial

import structlog
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from core.http import context
from core.http.origins import own_origin
from core.http.problem_responses import respond
from core.problems import Problem, ProblemError
from core.urls import origins_regex

EXPOSED_HEADERS = [
    *("ETag", "Idempotent-Replayed", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"),
]
# Of an origin that anybody may send, so much is logged.
_LENGTH = 256
_log = structlog.get_logger("core.http.cors")


def cors(origins: Sequence[str], with_cookies: AbstractSet[str], app: ASGIApp) -> ASGIApp:
    """The application behind CORS. `with_cookies` are the paths to which pages may send their cookies of this API."""
    layer = partial(
        _Cors,
        app,
        allow_origins=[one for one in origins if "*" not in one],
        allow_origin_regex=origins_regex(origins),
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        # Tracing adds its own. What protects is the bearer token, which no browser sends by itself.
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
        max_age=7200,  # no browser keeps a preflight for longer than Chromium, and that is its limit
    )
    without = layer()
    if not with_cookies:
        return without
    credentials = layer(allow_credentials=True)

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        await (credentials if scope.get("path") in with_cookies else without)(scope, receive, send)

    return chosen


class _Cors(CORSMiddleware):
    """Starlette's, before which an origin that is not allowed is named; what it rejects is a problem."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to one request of a page."""
        headers = context.in_scope(scope).headers
        origin = headers.get(b"origin", b"").decode("latin-1")
        allowed = self.is_allowed_origin(origin=origin)
        if not allowed and origin != own_origin(scope):
            _log.info("origin not allowed", **{"todo_api.origin": origin[:_LENGTH], "todo_api.setting": "CORS_ORIGINS"})
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await self._preflight(scope, receive, send, allowed=allowed)
            return
        await (super().__call__ if allowed else self.app)(scope, receive, send)

    async def _preflight(self, scope: Scope, receive: Receive, send: Send, *, allowed: bool) -> None:
        response = self.preflight_response(Headers(scope=scope))
        if not allowed:
            detail = "Pages of this origin may not read responses: it is not in CORS_ORIGINS."
            await respond(ProblemError(Problem.ORIGIN_NOT_ALLOWED, detail), scope, receive, send)
        elif response.status_code >= 400:
            detail = f"No page may send such a request here: {bytes(response.body).decode()}."
            headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
            await respond(ProblemError(Problem.BAD_REQUEST, detail, headers=headers), scope, receive, send)
        else:
            await response(scope, receive, send)
