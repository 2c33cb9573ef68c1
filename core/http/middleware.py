"""Around every request, pure ASGI: its id and trace, its limits, its last resort, and its one line in the log."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from core.http.body_limits import bad_head, limited
from core.http.context import RequestContext, Services, begin, in_scope
from core.http.outgoing import CLIENT_CLOSED, Outgoing
from core.http.problem_responses import failed, respond
from core.http.server_timing import TimedOutgoing
from core.logging import access, request_fields
from core.logging.lines import cut
from core.problems import Problem, ProblemError

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context, section 3.2: version, trace-id, parent-id, flags; all zeros is invalid. Version 00 ends there.
_TRACEPARENT = re.compile(
    rb"(?!ff|00-.{52}-)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
# What is longer is cut where it is logged: anybody may send it, and a line has to fit into one write.
_PATH_LENGTH = 512
_USER_AGENT_LENGTH = 256

# So many bits, without a call of the system as urandom is one: an id is no secret. A forked process has others.
_random = random.getrandbits

_PROBES = frozenset({"/health/live", "/health/ready"})
_BUG = ProblemError(Problem.INTERNAL_ERROR, "The server failed; its log has the cause under this request_id.")
_ENDING = ProblemError(Problem.SHUTTING_DOWN, "This process is about to end.", headers={"Connection": "close"})

_log = structlog.get_logger("core.http.middleware")


class RequestMiddleware:
    """The outermost layer: what it does holds for every response, the framework's own errors and bugs included."""

    def __init__(self, app: ASGIApp, services: Services, cors: Callable[[ASGIApp], ASGIApp]) -> None:
        """`cors` lets browsers read the responses of `app`, and the rejections from here."""
        self._app, self._rejections = app, cors(_reject)
        # What pages send goes this way; nobody else has an Origin.
        self._pages = cors(app)
        self._services = services
        self._max_bytes, self._body_timeout = services.settings.max_body_bytes, services.settings.body_timeout
        self._logs_probes = services.settings.log_probes
        self._observe = services.observe
        self._outgoing = TimedOutgoing if services.settings.server_timing else Outgoing
        self._cacheable = services.settings.http_cache == "private"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to one request; whatever is raised below becomes a problem."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = time.perf_counter()
        headers = dict(scope["headers"])
        found = begin(scope, self._services, _identify(headers), headers)
        outgoing = self._outgoing(scope, found, send, cacheable=self._cacheable)
        try:
            await self._handle(scope, headers, receive, outgoing)
        except ClientDisconnect:
            pass  # nobody is left to respond to
        except asyncio.CancelledError:  # the process ends, and has waited for this one as long as it may
            if outgoing.status != CLIENT_CLOSED:
                raise
            await self._respond(_ENDING, scope, receive, outgoing)
        except Exception as error:
            await self._fail(error, scope, receive, outgoing)
        finally:
            if self._observe is not None:
                self._observe(scope, outgoing.status, time.perf_counter() - started, found)
            if self._logs_probes or outgoing.status >= 400 or scope["path"] not in _PROBES:
                # At LOG_LEVEL=WARNING those of a failure are what is left.
                fields = access_fields(scope, headers, outgoing.status, started, found)
                access.write("error" if outgoing.status >= 500 else "info", fields)

    def _handle(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send) -> Awaitable[None]:
        error = bad_head(scope["headers"], headers, scope["http_version"], self._max_bytes)
        if error is not None:
            return self._respond(error, scope, receive, send)
        if b"content-length" in headers or b"transfer-encoding" in headers:  # else there is no body
            receive = limited(receive, self._max_bytes, self._body_timeout)
        app = self._pages if b"origin" in headers else self._app
        return app(scope, receive, send)

    async def _fail(self, error: Exception, scope: Scope, receive: Receive, outgoing: Outgoing) -> None:
        """Responds to a bug: by the application's handler of Exception, if it has one. Raises it where the response has
        begun: all that is left is to close the connection."""
        begun = outgoing.status != CLIENT_CLOSED
        # Of a response that has begun, Starlette says only that; what it met is the cause.
        met = (error.__cause__ if begun else None) or error
        _log.error("request failed", exc_info=met, **{"error.type": type(met).__name__})
        if begun:
            raise error
        own = await failed(Request(scope, receive), error)
        if own is None:
            await self._respond(_BUG, scope, receive, outgoing)
        else:
            await own(scope, receive, outgoing)

    async def _respond(self, error: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
        found = in_scope(scope)
        found.rejection = error
        # To a preflight, CORS would respond before it is rejected; who is no page has no Origin to be looked at.
        with_cors = b"origin" in found.headers and scope["method"] != "OPTIONS"
        app = self._rejections if with_cors else _reject
        await app(scope, receive, send)


async def _reject(scope: Scope, receive: Receive, send: Send) -> None:
    error = in_scope(scope).rejection
    assert error is not None
    await respond(error, scope, receive, send)


def request_id_of(headers: dict[bytes, bytes]) -> str:
    """The client's own if it is well formed, or a new one."""
    given = headers.get(b"x-request-id")
    return given.decode() if given and _REQUEST_ID.fullmatch(given) else _random(128).to_bytes(16).hex()


def _identify(headers: dict[bytes, bytes]) -> str:
    """Binds the ids of this request to the log, and gives the request's."""
    request_id = request_id_of(headers)
    ids = {"request_id": request_id}
    trace = headers.get(b"traceparent")
    if trace and (parent := _TRACEPARENT.fullmatch(trace)):
        # The trace is theirs, the span is ours: what is told here happens in it, below the span that asked.
        trace_id, caller, flags = (parent[number].decode() for number in (1, 2, 3))
        ids |= {"trace_id": trace_id, "span_id": f"{_random(64):016x}", "trace_flags": flags}
        ids["todo_api.parent_span_id"] = caller
    request_fields.begin(ids)
    return request_id


def access_fields(
    scope: MutableMapping[str, Any],
    headers: dict[bytes, bytes],
    status: int,
    started: float,
    found: RequestContext | None = None,
) -> dict[str, Any]:
    """What the line of a request tells; `started` is of time.perf_counter()."""
    client, path, agent = scope.get("client"), scope["path"], headers.get(b"user-agent", b"")
    fields: dict[str, Any] = {
        "http.request.method": scope["method"],
        "url.path": path,
        "url.scheme": scope["scheme"],
        "http.response.status_code": status,
        "duration_ms": (time.perf_counter() - started) * 1e6 // 1 / 1000,  # to the microsecond, without a call
        "client.address": client[0] if client else None,
        "user_agent.original": agent.decode("latin-1"),
    }
    if len(path) > _PATH_LENGTH or len(agent) > _USER_AGENT_LENGTH:
        cut(fields, "url.path", _PATH_LENGTH)
        cut(fields, "user_agent.original", _USER_AGENT_LENGTH)
    if found is not None:
        _add_known(fields, scope, found)
    return fields


def _add_known(fields: dict[str, Any], scope: MutableMapping[str, Any], found: RequestContext) -> None:
    """What became known of the request on its way."""
    if found.statements or found.waiting_seconds:
        fields["db.statements"] = found.statements
        fields["db.duration_ms"] = found.statements_seconds * 1e6 // 1 / 1000
        fields["db.wait_ms"] = found.waiting_seconds * 1e6 // 1 / 1000
    route = found.route or getattr(scope.get("route"), "path", None)  # FastAPI knows the route of a 405
    if route is not None:
        fields["http.route"] = route
    if found.principal is not None:
        fields["user.id"] = found.principal.user_id
    if found.problem_code is not None:
        fields["error.code"] = found.problem_code
