"""The fast path: operations whose declarations lie in a subset of FastAPI's are found and served in fewer steps."""

import re
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from core.http import context, problem_responses, representation
from core.http.arguments import Arguments, NotFastError
from core.http.paths import Paths, fixed_before, overlap
from core.http.responses import EMPTY, AnyResponse, WholeResponse
from core.http.routing import PrivateRoute

_PLAIN_SEGMENT = re.compile(r"[^{}]*|\{[A-Za-z_]\w*\}")


class FastOperation:
    """One operation, with the guarantees of its route, without FastAPI's solver, exit stacks and response objects.

    Raises NotFastError where FastAPI's own way could give another response: the operation is left to it.
    """

    def __init__(self, route: PrivateRoute) -> None:
        if not (_is_plain_path(route.path) and _is_plain_response(route)):
            raise NotFastError
        self._route = route
        self._arguments = Arguments(route.dependant)

    def respond(self, request: Request) -> Awaitable[AnyResponse]:
        """The response to a request for this operation. What it raises, the application's exception handlers take."""
        scope = request.scope  # what FastAPI's router leaves in it: middleware and dependencies of others look for it
        scope["route"], scope["endpoint"] = self._route, self._route.endpoint
        return self._route.admit(request, lambda body: self._call(request, body))

    async def _call(self, request: Request, body: Any) -> AnyResponse:
        extra = _HeadersOnly() if self._arguments.takes_response else None
        errors: list[Mapping[str, Any]] = []
        values = await self._arguments.find(request, extra, body, errors)
        if errors:
            raise RequestValidationError(errors)
        result = await self._route.endpoint(**values)
        if isinstance(result, Response):
            return result
        found = context.of(request)
        found.result = result
        headers = representation.header_lines(request)
        status = 201 if found.makes else self._route.status_code or 200
        content = self._route.content(result)
        if extra is not None:
            own = dict(extra.raw_headers)
            headers = [*extra.raw_headers, *[line for line in headers if line[0] not in own]]
            status = extra.status_code or status
            content = None if status in EMPTY else content
        return WholeResponse(status, headers, content)


class Dispatcher:
    """Middleware in front of FastAPI's router, which tries the pattern of one route after the other.

    It serves what is in the fast subset, and hands all else on. It is made once all operations are there. With `fast`
    false it hands everything on: the responses are the same.
    """

    def __init__(self, app: FastAPI, following: ASGIApp, *, fast: bool) -> None:
        self._app = app
        self._following = following
        # Where a slice declares HEAD itself.
        routes = [route for route in app.router.routes if isinstance(route, PrivateRoute)]
        self._heads = [route.path_regex for route in routes if "HEAD" in route.methods]
        self._paths: Paths[FastOperation | None] = Paths()
        for template, operations in _by_template(app.router.routes if fast else ()):
            self._paths.add(template, operations)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What is overridden, FastAPI's own way alone knows.
        changed = scope["type"] != "http" or self._app.dependency_overrides
        operation = None if changed else self._paths.find(scope)
        if operation is None:
            await self._following(self._as_get(scope), receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await operation.respond(request)
        except Exception as error:
            response = await problem_responses.handled(request, error)
        await response(scope, receive, send)

    def _as_get(self, scope: Scope) -> Scope:
        """A HEAD is served by GET's operation (RFC 9110, section 9.3.2); the server sends no content for it."""
        if scope.get("method") != "HEAD" or any(one.match(scope["path"]) for one in self._heads):
            return scope
        return {**scope, "method": "GET"}


def _by_template(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, dict[str, FastOperation | None]]]:
    """Of each path the operations that are fast, in the order of the routes: the first that matches is the one.

    Where a slow one before it could match the same request, FastAPI is left to find out which it is; and what a path
    does not take that could be a value of another's parameter (None).
    """
    ours = [route for route in routes if isinstance(route, PrivateRoute)]
    found: dict[str, dict[str, FastOperation | None]] = {route.path: {} for route in ours}
    slow: list[PrivateRoute] = []
    for route in ours:
        try:
            operation = FastOperation(route)
        except NotFastError:
            slow.append(route)
            continue
        if not any(one.methods & route.methods and overlap(one.path, route.path) for one in slow):
            for method in route.methods:
                found[route.path].setdefault(method, operation)
    for path, others in fixed_before(found).items():
        for other in others:
            found[other] = {**dict.fromkeys(found[path]), **found[other]}
    yield from ((path, operations) for path, operations in found.items() if operations)


def _is_plain_path(path: str) -> bool:
    """Whether each segment is fixed, or one parameter that is any text."""
    return all(map(_PLAIN_SEGMENT.fullmatch, path.split("/")))


def _is_plain_response(route: PrivateRoute) -> bool:
    """Whether it is JSON by a schema, or has no content, and nothing is left out but what is unset."""
    filtered = (
        route.response_model_include,
        route.response_model_exclude,
        route.response_model_exclude_none,
        route.response_model_exclude_defaults,
    )
    empty = route.status_code in EMPTY
    plain = isinstance(route.response_class, DefaultPlaceholder) or route.response_class is JSONResponse
    return plain and not any(filtered) and (empty or route.response_field is not None)


class _HeadersOnly(Response):
    """What an endpoint sets headers, cookies and a status on, as FastAPI gives it."""

    def __init__(self) -> None:
        # All that Response sets, without the headers of a content.
        self.status_code = None  # type: ignore[assignment]
        self.background = None
        self.body = b""
        self.raw_headers = []
