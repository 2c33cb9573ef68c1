"""The guarantees of an operation, as one wrapper around FastAPI's own handler: private unless declared public."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from core.http import context, idempotency, json_body
from core.http.authorization import authorize
from core.http.headers import values as values_of
from core.http.origins import reject_other_origins
from core.http.parameters import QueryParameters
from core.http.responses import EMPTY, AnyResponse, WholeResponse
from core.resources import preconditions
from core.resources.models import Versioned


class PrivateRoute(APIRoute):
    """An operation that needs a token, and whose `{user_id}` must be the current user: what every slice declares.

    FastAPI finds its arguments, runs its endpoint and serialises its response; `admit` is around that. Raises
    TypeError for form fields and files, which are not read here.
    """

    # FastAPI's routes have them always; Starlette's, which theirs are based on, need not.
    methods: set[str]
    private = True
    # Whether MAX_CONCURRENT_REQUESTS counts it.
    bounded = True

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        try:
            super().__init__(path, endpoint, **options)
        except RuntimeError as error:  # FastAPI misses its parser of forms, which is not among our packages
            raise TypeError(
                f"{inspect.unwrap(endpoint).__qualname__}: form fields and files are not read here. "
                "Take a JSON body instead: a parameter whose class is based on InputModel"
            ) from error

    def get_route_handler(self) -> Callable[[Request], Any]:
        """FastAPI's hook: its own handler, with the guarantees around it."""
        field = self.body_field
        self.takes_json = field is not None and _is_json(field.field_info)
        self.needs_body = self.takes_json and field is not None and field.field_info.is_required()
        self.creates = self.private and self.methods == {"POST"} and self.status_code == 201
        self.query_parameters = QueryParameters(self.dependant)
        assert self.dependant.call is not None
        self.dependant.call = _noting_version(self.dependant.call)
        handler = super().get_route_handler()

        async def handle(request: Request) -> AnyResponse:
            async def call(raw: bytes, body: Any) -> AnyResponse:
                response = await handler(_ReadRequest(request, raw, body) if self.takes_json else request)
                return _tagged(request, response)

            return await self.admit(request, call)

        return handle

    async def admit(self, request: Request, call: Callable[[bytes, Any], Awaitable[AnyResponse]]) -> AnyResponse:
        """The response of `call(raw body, its JSON value)`, once token, owner, query and body are right, within the
        deadline, the concurrency limit, and once for each Idempotency-Key. What it raises becomes a problem."""
        scope, found = request.scope, context.of(request)
        found.route = self.path
        if self.private:
            await authorize(request)
        if scope["query_string"]:
            scope["query_string"] = self.query_parameters.normalised(scope["query_string"])
        # What an endpoint that creates does not take is still part of what an Idempotency-Key stands for.
        raw = await json_body.receive(request) if self.takes_json or self.creates else b""
        body = json_body.parse(scope, raw) if self.takes_json and (raw or self.needs_body) else None
        if self.methods == {"PUT"}:
            _check_id(request, body)
        services = found.services
        # The clock of the database starts when the request is complete: a slow client does not use it up.
        found.deadline = asyncio.get_running_loop().time() + services.settings.request_timeout
        if not self.bounded:
            return await call(raw, body)
        with services.gate:
            if self.creates:
                return await idempotency.once(request, raw, lambda: call(raw, body))
            return await call(raw, body)


class PublicRoute(PrivateRoute):
    """An operation that anybody may call. A test lists every one."""

    private = False


class CookieRoute(PublicRoute):
    """A public operation that takes or sets a cookie, for pages of allowed origins alone. Its path is fixed."""

    async def admit(self, request: Request, call: Callable[[bytes, Any], Awaitable[AnyResponse]]) -> AnyResponse:
        """Raises ProblemError 403 for a page of another origin, before anything else is looked at."""
        context.of(request).route = self.path
        reject_other_origins(request)
        return await super().admit(request, call)


class OperationalRoute(PublicRoute):
    """Health and the like, which must respond however much there is to do."""

    bounded = False


class _ReadRequest(Request):
    """A request whose body was read and parsed before FastAPI asks for it."""

    def __init__(self, request: Request, raw: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw, self._value = raw, value

    async def body(self) -> bytes:
        """All bytes."""
        return self._raw

    async def json(self) -> Any:
        """The value, read as strict JSON."""
        return self._value


def _noting_version(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """`endpoint`, with a note of the version of the row that it gives: FastAPI passes on only what a schema shows."""

    def note(result: Any) -> Any:
        found = context.current()
        if found is not None and isinstance(result, Versioned):
            found.version = result.version
        return result

    if inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def noting(*args: Any, **values: Any) -> Any:
            return note(await endpoint(*args, **values))

        return noting
    streams = inspect.isgeneratorfunction(endpoint) or inspect.isasyncgenfunction(endpoint)
    if streams or not inspect.isfunction(endpoint):
        return endpoint

    @functools.wraps(endpoint)
    def noting_in_thread(*args: Any, **values: Any) -> Any:
        return note(endpoint(*args, **values))

    return noting_in_thread


def _tagged(request: Request, response: Response) -> AnyResponse:
    """The response with the ETag of the row that the endpoint gave, if it gave one; 304 where the client has it."""
    if response.status_code in EMPTY and "content-type" in response.headers:
        del response.headers["content-type"]  # of content that is not there
    found = context.of(request)
    if found.version is None or response.status_code >= 300:
        return response
    etag = preconditions.tag(found.version, found.principal.tag if found.principal else None)
    if request.method == "GET" and preconditions.is_unchanged(values_of(request.scope, b"if-none-match"), etag):
        return WholeResponse(304, [(b"etag", etag.encode())])
    response.headers.setdefault("ETag", etag)
    return response


def _check_id(request: Request, body: Any) -> None:
    """A PUT may send back what GET gave, with its id; what has another id was meant for another place."""
    given = body.get("id") if isinstance(body, dict) else None
    names = [name for name in request.path_params if name.endswith("_id") and name != "user_id"]
    if isinstance(given, str) and names and given.lower() != str(request.path_params[names[-1]]).lower():
        raise RequestValidationError([{"type": "other_id", "loc": ("body", "id")}])


def _is_json(body: Any) -> bool:
    return str(getattr(body, "media_type", "application/json")).endswith("json")
