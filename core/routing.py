"""How an operation is reached: private unless declared public, the caller's own part only, strict JSON in."""

import asyncio
import email.message
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from core import strict_json, wiring
from core.access import API, authorize
from core.database import request_deadline
from core.errors import FieldError, Problem, ProblemError
from core.openapi import declare


class PublicRoute(APIRoute):
    """An operation that anybody may call."""

    private = False

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **declare(path, options, private=self.private))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler behind what every operation of this API checks first."""
        handle = super().get_route_handler()
        takes_query = _takes_query(self.dependant)
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            if self.private:
                await authorize(request)
            if not takes_query and request.scope["query_string"]:
                raise _unknown_query(request)
            if takes_body:
                request = await _JsonRequest.read(request)
            # The clock of the database starts when the request is complete: a slow client does not use it up.
            timeout = wiring.of(request).settings.request_timeout
            request_deadline.set(asyncio.get_running_loop().time() + timeout)
            return await handle(request)

        return checked


class PrivateRoute(PublicRoute):
    """An operation that needs a token, and whose `{user_id}` must be the caller. The default of every slice."""

    private = True


def private_router(tag: str, prefix: str) -> APIRouter:
    """The router of a slice; `prefix` is below /api/v1. Rows of a user belong below `/users/{user_id}`."""
    return APIRouter(prefix=API + prefix, tags=[tag], route_class=PrivateRoute)


def public_router(tag: str, prefix: str) -> APIRouter:
    """A router without a token. A test lists every operation that is reached by one."""
    return APIRouter(prefix=API + prefix, tags=[tag], route_class=PublicRoute)


def _takes_query(dependant: Dependant) -> bool:
    return bool(dependant.query_params) or any(map(_takes_query, dependant.dependencies))


def _unknown_query(request: Request) -> ProblemError:
    names = request.query_params.keys()
    errors = [FieldError(pointer="/query", message="This parameter is not known", code="extra_forbidden")] * len(names)
    return ProblemError(Problem.VALIDATION_FAILED, "This operation takes no query parameters.", errors=errors)


class _JsonRequest(Request):
    """A request whose body was read and parsed as strict JSON before FastAPI validates it."""

    _value: Any

    @classmethod
    async def read(cls, request: Request) -> "_JsonRequest":
        """Raises ProblemError 400 or 415, and what reading the body raises (408, 413)."""
        self = cls(request.scope, request.receive)
        body = await self.body()
        if body:
            if not _is_json(request.headers.get("content-type", "")) or "content-encoding" in request.headers:
                raise ProblemError(
                    Problem.UNSUPPORTED_MEDIA_TYPE, "Send `Content-Type: application/json`, uncompressed."
                )
            try:
                self._value = strict_json.loads(body)
            except strict_json.StrictJsonError as error:
                raise ProblemError(Problem.MALFORMED_JSON, str(error)) from None
        return self

    async def json(self) -> Any:
        return self._value


def _is_json(content_type: str) -> bool:
    message = email.message.Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "utf-8")
    return message.get_content_type() == "application/json" and str(charset).lower() in ("utf-8", "utf8")
