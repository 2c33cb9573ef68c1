"""How a slice makes its router, and how FastAPI's including keeps the guarantees of every operation."""

import inspect
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path

from core.http.authorization import API
from core.http.declarations import operation_id
from core.http.paths import fixed_before
from core.http.routing import CookieRoute, OperationalRoute, PrivateRoute, PublicRoute

# What FastAPI's own route is made with; an included route is made anew with the same.
_OPTIONS = frozenset(inspect.signature(APIRoute.__init__).parameters) - {"self", "path", "endpoint"}
_ADDED = _OPTIONS & frozenset(inspect.signature(APIRouter.add_api_route).parameters)


class Router(APIRouter):
    """FastAPI's router, whose operations have the guarantees; those of plain routers that it includes have them too."""

    def include_router(self, router: APIRouter, **options: Any) -> None:
        """As FastAPI's, of a router whose operations are all declared by then."""
        kind = self.route_class if issubclass(self.route_class, PrivateRoute) else PrivateRoute
        for route in included(router, kind, **options):
            # It adds what the router has for all of its operations: prefix, tags, dependencies, responses.
            self.add_api_route(route.path, route.endpoint, route_class_override=type(route), **_given(route, _ADDED))


def private_router(tag: str, prefix: str) -> Router:
    """The router of a slice; `prefix` is below /api/v1. Rows of a user belong below `/users/{user_id}`."""
    return _router(tag, API + prefix, PrivateRoute)


def public_router(tag: str, prefix: str) -> Router:
    """A router without a token, below /api/v1. A test lists every operation that is reached by one."""
    return _router(tag, API + prefix, PublicRoute)


def cookie_router(tag: str, prefix: str) -> Router:
    """As public_router, for operations with cookies: pages of origins in CORS_ORIGINS and of the API's own call them,
    nobody else, and browsers let these read the response."""
    return _router(tag, API + prefix, CookieRoute)


def root_router(tag: str, prefix: str) -> Router:
    """A public router outside of /api/v1, for what serves the operation of the API itself."""
    return _router(tag, prefix, OperationalRoute)


def included(router: APIRouter, plain: type[PrivateRoute] | None, **options: Any) -> Iterator[PrivateRoute]:
    """The operations of `router` as FastAPI includes them, nested routers too. `plain` is the class of those that
    have no guarantees of their own. Raises TypeError for one where `plain` is None, and for what is no operation."""
    provider = options.pop("dependency_overrides_provider", None)
    scratch = APIRouter(dependency_overrides_provider=provider)
    scratch.include_router(router, **options)
    contexts: Iterator[Any] = iter_route_contexts(scratch.routes)
    for found in contexts:
        original = found.original_route
        kind = type(original) if isinstance(original, PrivateRoute) else plain
        if not isinstance(original, APIRoute):
            raise TypeError(f"{found.path}: this is no HTTP operation; mount it on the application and list it there")
        if kind is None:
            raise TypeError(
                f"{found.path}: nothing says whether it is private. Make its router with "
                "private_router(), or include it in one; public_router() is for what anybody may call"
            )
        yield kind(found.path, found.endpoint, **_given(found, _OPTIONS))


def unguarded(routes: Sequence[Any], listed: frozenset[str]) -> list[str]:
    """The paths of `routes` that are neither operations with the guarantees nor `listed`."""
    return [str(route.path) for route in routes if not isinstance(route, PrivateRoute) and route.path not in listed]


def share_entity_tags(routes: Sequence[Any]) -> None:
    """Lets an operation without content, such as DELETE, tell of a row the same tag as the GET of its path."""
    ours = [route for route in routes if isinstance(route, PrivateRoute)]
    read = {route.path: route.entity_tags for route in ours if route.methods == {"GET"}}
    for route in ours:
        if route.response_field is None:
            route.entity_tags = read.get(route.path, route.entity_tags)


def settle_paths(routes: Sequence[Any]) -> None:
    """Lets no parameter take what is a path of its own: DELETE …/tasks/counts is 405, and no task of that id. And a
    path ends where it ends: Starlette's `$` takes a line break behind it, as no proxy's rule for that path does."""
    fixed = fixed_before(route.path for route in routes if isinstance(route, PrivateRoute))
    for route in routes:
        others = "|".join(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(one)) for one in fixed.get(route.path, ()))
        pattern = compile_path(route.path)[0].pattern.removesuffix("$")
        route.path_regex = re.compile((rf"(?!(?:{others})\Z)" if others else "") + pattern + r"\Z")


def _router(tag: str, prefix: str, route_class: type[PrivateRoute]) -> Router:
    tags: list[str | Enum] = [tag]
    return Router(prefix=prefix, tags=tags, route_class=route_class, generate_unique_id_function=operation_id)


def _given(found: Any, names: frozenset[str]) -> dict[str, Any]:
    return {name: getattr(found, name, None) for name in names}
