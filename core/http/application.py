"""FastAPI with the guarantees: what a request goes through, from the access line to the endpoint."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from core.config import VERSION
from core.http import docs_page, openapi, problem_pages, problem_responses, traced
from core.http.context import Services
from core.http.cors import cors
from core.http.dispatch import Dispatcher
from core.http.middleware import RequestMiddleware
from core.http.routers import included, settle_paths, share_entity_tags, unguarded
from core.http.routing import CookieRoute, PrivateRoute

# Paths without the guarantees: documentation, which has no user and touches no data.
UNGUARDED = problem_pages.PATHS | docs_page.PATHS | {"/openapi.json"}


class Api(FastAPI):
    """FastAPI whose operations all have the guarantees of core.http.routing, with the fast path before its router."""

    def __init__(self, services: Services, *, title: str, description: str, lifespan: Callable[..., Any]) -> None:
        self.services = services
        docs = services.settings.docs_enabled
        super().__init__(
            title=title,
            version=VERSION,
            lifespan=lifespan,
            openapi_url="/openapi.json" if docs else None,
            docs_url=None,
            redoc_url=None,
            swagger_ui_oauth2_redirect_url=None,
            redirect_slashes=False,
            # FastAPI's own asks for a tracer at every request.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        openapi.install(self, description, services.settings.root_path)
        problem_responses.install(self)
        self.router.routes.extend(problem_pages.routes())
        if docs:
            self.router.routes.extend(docs_page.routes(services.settings, title))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As FastAPI's and Starlette's, without what is switched off here."""
        if scope["type"] != "http" or self.middleware_stack is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def include_router(self, router: APIRouter, **options: Any) -> None:
        """As FastAPI's, of a router whose operations are all declared by then. Raises TypeError for one that is
        neither private nor declared public."""
        self.router.routes.extend(included(router, None, dependency_overrides_provider=self, **options))
        share_entity_tags(self.router.routes)

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through: ours, what was added by add_middleware, the fast path, FastAPI's router.

        Raises TypeError for a route that is neither private nor declared public nor listed here.
        """
        strangers = unguarded(self.router.routes, UNGUARDED)
        if strangers:
            raise TypeError(f"{', '.join(strangers)}: nothing says who may call this; declare it on a private_router()")
        settle_paths(self.router.routes)
        settings = self.services.settings
        handlers = {key: one for key, one in self.exception_handlers.items() if key not in problem_responses.OF_BUGS}
        app: ASGIApp = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=handlers)
        # A bound method: to call an object takes Python several times as long.
        app = Dispatcher(self, app, fast=settings.fast_path).__call__
        for kind, arguments, options in reversed(self.user_middleware):
            app = kind(app, *arguments, **options)
        with_cookies = frozenset(route.path for route in self.router.routes if isinstance(route, CookieRoute))
        outermost = RequestMiddleware(app, self.services, partial(cors, settings.cors_origins, with_cookies))
        # OpenTelemetry's instrumentation calls this from a method of its own that it sets on the object, and puts its
        # layer around what Starlette's outermost one holds, which it knows by its class. Nobody else pays for that.
        if "build_middleware_stack" in vars(self):
            return ServerErrorMiddleware(traced.without_query(outermost))
        return outermost.__call__

    def make_ready(self) -> None:
        """Makes what the first requests would: before a fork, so that it is in memory once."""
        self.middleware_stack = self.build_middleware_stack()
        for route in self.router.routes:
            if isinstance(route, PrivateRoute):
                route.make_ready()
