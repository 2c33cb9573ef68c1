"""Finds the operation that a request is for, by its path, and answers for it; leaves all else to FastAPI."""

from collections.abc import Sequence

from fastapi import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from core import problems
from core.routing import PublicRoute
from core.wiring import Wiring


class _Path:
    """One path of the API: its segments, which of them are parameters, and an operation for each method."""

    def __init__(self, template: str) -> None:
        segments = template.split("/")
        self._names = [(place, one[1:-1]) for place, one in enumerate(segments) if one.startswith("{")]
        self._fixed = [(place, one) for place, one in enumerate(segments) if not one.startswith("{")]
        self.routes: dict[str, PublicRoute] = {}

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The parameters of a path with as many segments; None where it is another one."""
        for place, text in self._fixed:
            if segments[place] != text:
                return None
        found = {name: segments[place] for place, name in self._names}
        return found if all(found.values()) else None


class Operations:
    """Middleware in place of FastAPI's router, which tries the pattern of one route after the other.

    It looks at the operations when the first request comes, so that all are there.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._paths: dict[int, list[_Path]] = {}
        by_template: dict[str, _Path] = {}
        for route in routes:
            if not isinstance(route, PublicRoute):
                continue
            if route.path not in by_template:
                by_template[route.path] = _Path(route.path)
                self._paths.setdefault(route.path.count("/"), []).append(by_template[route.path])
            for method in route.methods or ():
                by_template[route.path].routes.setdefault(method, route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        scope["wiring"] = self._wiring
        route = self._find(scope) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            reply = await route.answer(request)
        except Exception as error:
            reply = await problems.reply(request, error)
        await reply(scope, receive, send)

    def _find(self, scope: Scope) -> PublicRoute | None:
        path: str = scope["path"]
        segments = path.split("/")
        for candidate in self._paths.get(len(segments) - 1, ()):
            parameters = candidate.match(segments)
            if parameters is not None and scope["method"] in candidate.routes:
                scope["path_params"] = parameters
                return candidate.routes[scope["method"]]
        return None
