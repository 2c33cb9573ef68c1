"""How an operation is reached: private unless declared public, the caller's own part only, strict JSON in."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, serialize_response
from starlette.types import Receive, Scope, Send

from core import idempotency, json_body, preconditions, wiring
from core.access import API, authorize
from core.arguments import Arguments
from core.database import request_deadline
from core.errors import FieldError, Problem, ProblemError
from core.models import Versioned
from core.openapi import declare, operation_id


class PublicRoute(APIRoute):
    """An operation that anybody may call. Declared and documented by FastAPI, served by the way below."""

    private = False
    bounded = True

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **declare(path, options, private=self.private))
        self._arguments = Arguments(self.dependant)
        self._creates = self.private and self.methods == {"POST"} and self.status_code == 201

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request that was routed here. What it raises, core.problems answers."""
        if scope["method"] not in (self.methods or ()):
            raise HTTPException(405)
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if self.private:
            await authorize(request)
        if request.scope["query_string"] and not self._arguments.takes_query:
            raise _unknown_query(request)
        body = await json_body.read(request) if self._arguments.takes_body else None
        if self._creates:
            await request.body()  # also what an endpoint does not take is part of what an Idempotency-Key stands for
        # The clock of the database starts when the request is complete: a slow client does not use it up.
        wired = wiring.of(request)
        request_deadline.set(asyncio.get_running_loop().time() + wired.settings.request_timeout)
        if not self.bounded:
            return await self._call(request, body)
        with wired.gate:
            if self._creates:
                return await idempotency.once(request, lambda: self._call(request, body))
            return await self._call(request, body)

    async def _call(self, request: Request, body: Any) -> Response:
        extra, errors = Response(), list[Mapping[str, Any]]()
        values = await self._arguments.find(request, extra, body, errors)
        if errors:
            raise RequestValidationError(errors)
        result = await self.endpoint(**values)
        if isinstance(result, Versioned):
            extra.headers["ETag"] = preconditions.tag(result.version)
            known = request.headers.getlist("if-none-match") if request.method == "GET" else []
            if preconditions.is_unchanged(known, result.version):
                return Response(status_code=304, headers={"ETag": extra.headers["ETag"]})
        return await self._rendered(result, extra)

    async def _rendered(self, result: Any, extra: Response) -> Response:
        """The endpoint's row or page, validated and serialised once by its schema, with the headers that it set."""
        if isinstance(result, Response):
            return result
        status = self.status_code or 200
        headers = {name: value for name, value in extra.headers.items() if name != "content-length"}
        if self.response_field is None:
            return Response(None, status, headers)
        content = await serialize_response(
            field=self.response_field,
            response_content=result,
            exclude_unset=self.response_model_exclude_unset,
            dump_json=True,
        )
        return Response(content, status, headers, "application/json")


class PrivateRoute(PublicRoute):
    """An operation that needs a token, and whose `{user_id}` must be the caller. The default of every slice."""

    private = True


class OperationalRoute(PublicRoute):
    """Health and the like, which must answer however much there is to do."""

    bounded = False


def private_router(tag: str, prefix: str) -> APIRouter:
    """The router of a slice; `prefix` is below /api/v1. Rows of a user belong below `/users/{user_id}`."""
    return _router(tag, API + prefix, PrivateRoute)


def public_router(tag: str, prefix: str) -> APIRouter:
    """A router without a token, below /api/v1. A test lists every operation that is reached by one."""
    return _router(tag, API + prefix, PublicRoute)


def root_router(tag: str, prefix: str) -> APIRouter:
    """A public router outside of /api/v1, for what serves the operation of the API itself."""
    return _router(tag, prefix, OperationalRoute)


def _router(tag: str, prefix: str, route_class: type[PublicRoute]) -> APIRouter:
    return APIRouter(prefix=prefix, tags=[tag], route_class=route_class, generate_unique_id_function=operation_id)


def _unknown_query(request: Request) -> ProblemError:
    names = request.query_params.keys()
    errors = [FieldError(pointer="/query", message="This parameter is not known", code="extra_forbidden")] * len(names)
    return ProblemError(Problem.VALIDATION_FAILED, "This operation takes no query parameters.", errors=errors)
