"""How an operation is reached: private unless declared public, the caller's own part only, strict JSON in."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Scope, Send

from core import idempotency, json_body, preconditions, wiring
from core.access import API, authorize
from core.answer import Answer, Reply
from core.arguments import Arguments
from core.errors import FieldError, Problem, ProblemError
from core.executor import request_deadline
from core.headers import values as values_of
from core.models import Versioned, snapshot
from core.openapi import declare, operation_id


class PublicRoute(APIRoute):
    """An operation that anybody may call. Declared and documented by FastAPI, served by the way below."""

    private = False
    bounded = True

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **declare(path, options, private=self.private))
        self._arguments = Arguments(self.dependant)
        self._creates = self.private and self.methods == {"POST"} and self.status_code == 201
        self._reads = self.methods == {"GET"}
        self._schema: TypeAdapter[Any] | None = TypeAdapter(self.response_model) if self.response_field else None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (as a route is called)
        """What FastAPI's router calls: core.operations has served whatever this route has a method for."""
        raise HTTPException(405)

    async def answer(self, request: Request) -> Reply:
        """Answers a request that is for this operation. What it raises, core.problems answers."""
        scope = request.scope
        if self.private:
            await authorize(request)
        if scope["query_string"] and not self._arguments.takes_query:
            raise _unknown_query(request)
        # What an endpoint that creates does not take is still part of what an Idempotency-Key stands for.
        raw = await json_body.receive(request) if self._arguments.takes_body or self._creates else b""
        body = json_body.parse(scope, raw) if self._arguments.takes_body else None
        # The clock of the database starts when the request is complete: a slow client does not use it up.
        wired = wiring.of(request)
        request_deadline.set(asyncio.get_running_loop().time() + wired.settings.request_timeout)
        if not self.bounded:
            return await self._call(request, body)
        with wired.gate:
            if self._creates:
                return await idempotency.once(request, raw, lambda: self._call(request, body))
            return await self._call(request, body)

    async def _call(self, request: Request, body: Any) -> Reply:
        extra = Response() if self._arguments.takes_response else None
        errors: list[Mapping[str, Any]] = []
        values = await self._arguments.find(request, extra, body, errors)
        if errors:
            raise RequestValidationError(errors)
        result = await self.endpoint(**values)
        if isinstance(result, Response):
            return result
        headers = [one for one in extra.raw_headers if one[0] != b"content-length"] if extra else []
        if isinstance(result, Versioned):
            etag = (b"etag", preconditions.tag(result.version).encode())
            if self._reads and preconditions.is_unchanged(values_of(request.scope, b"if-none-match"), result.version):
                return Answer(304, [etag])
            headers.append(etag)
        return Answer(self.status_code or 200, headers, self._content(result))

    def _content(self, result: Any) -> bytes | None:
        """The endpoint's row or page, validated and serialised once by its schema."""
        if self._schema is None:
            return None
        try:
            valid = self._schema.validator.validate_python(snapshot(result), from_attributes=True)
        except ValidationError as error:
            raise ResponseValidationError(error.errors(include_url=False, include_input=False)) from None
        return self._schema.serializer.to_json(valid, exclude_unset=self.response_model_exclude_unset)


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
