"""The guarantees of an operation, as one wrapper around FastAPI's own handler: private unless declared public."""

import inspect
import time
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from core.http import context, idempotency, json_body, representation
from core.http.authorization import authorize
from core.http.content import Content
from core.http.dependencies import owned_repository
from core.http.fastapi_handler import described, noting
from core.http.origins import reject_other_origins
from core.http.parameters import QueryParameters
from core.http.responses import AnyResponse, Header, WholeResponse
from core.resources import preconditions

_WRITES = {"PUT", "PATCH", "DELETE"}


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
        self.repository = owned_repository(self.dependant) if self.private else None
        self.creates = self.private and self.methods == {"POST"} and self.status_code == 201
        # Whether an Idempotency-Key is heeded. With an account its keys go, so that its deletion is known by none.
        ends_account = self.methods == {"DELETE"} and self.path.endswith("/{user_id}")
        self.keyed = self.creates or (self.repository is not None and self.methods <= _WRITES and not ends_account)
        self.entity_tags = preconditions.Tags(self.response_model if self.response_field else None)
        self.query_parameters = QueryParameters(self.dependant)
        assert self.dependant.call is not None
        self.dependant.call = noting(self.dependant.call)
        handler = super().get_route_handler()

        async def handle(request: Request) -> AnyResponse:
            async def call(body: Any) -> AnyResponse:
                if self.takes_json:
                    request._json = body  # read as strict JSON
                return described(request, await handler(request), self.status_code or 200)

            return await self.admit(request, call)

        return handle

    async def admit(self, request: Request, call: Callable[[Any], Awaitable[AnyResponse]]) -> AnyResponse:
        """The response of `call(the body's JSON value)`, once token, owner, query and body are right, within the
        deadline, the concurrency limit, and once for each Idempotency-Key. What it raises becomes a problem."""
        scope, found = request.scope, context.of(request)
        found.route, found.tags = self.path, self.entity_tags
        # By this name for the loop's clock: to find the loop, Python asks the system for the process's id.
        found.deadline = time.monotonic() + found.services.settings.request_timeout
        if self.private:
            await authorize(request)
        if scope["query_string"]:
            scope["query_string"] = self.query_parameters.normalised(scope["query_string"])
        # What is no JSON, or not taken, is still part of what an Idempotency-Key stands for.
        raw, keyed = b"", self.keyed and b"idempotency-key" in found.headers
        if self.takes_json or keyed:
            # A slow client does not use up the time for the response. Starlette looks for a body there.
            found.deadline -= time.monotonic()
            raw = request._body = await json_body.receive(request)
            found.deadline += time.monotonic()
        body = self._json(request, raw) if self.takes_json else None
        if not self.bounded:
            return await call(body)
        with found.services.gate:
            try:
                if keyed:
                    return await idempotency.once(request, raw, lambda: call(body), self._repeated(request))
                return await call(body)
            except preconditions.UnchangedError as error:
                return WholeResponse(304, representation.unchanged(request, error))

    def _json(self, request: Request, raw: bytes) -> Any:
        body = json_body.parse(request.scope, raw) if raw or self.needs_body else None
        if self.methods == {"PUT"}:
            _check_id(request, body)
        return body

    def _repeated(self, request: Request) -> idempotency.Repeated:
        """The content of a response to a repeat: the row as it is now."""

        async def read(row_id: UUID | None) -> tuple[bytes | None, list[Header]]:
            found = context.of(request)
            row = None
            if self.repository is not None and self.response_field is not None:
                repository = self.repository(found.executor, found.user, found.services.accounts)
                row = await repository.find_again(row_id)
            if row is None:
                return None, []
            found.result = row
            headers = representation.header_lines(request)
            return self.content(row), headers

        return read

    def make_ready(self) -> None:
        """Makes what the first response would."""
        _ = self.content, self.entity_tags.of(0, ""), self.entity_tags.of_row("")

    @cached_property
    def content(self) -> Callable[[Any], bytes | None]:
        """What makes the content of what the endpoint gave."""
        return Content(self).__call__ if self.response_field else lambda _: None


class PublicRoute(PrivateRoute):
    """An operation that anybody may call. A test lists every one."""

    private = False


class CookieRoute(PublicRoute):
    """A public operation that takes or sets a cookie, for pages of allowed origins alone. Its path is fixed."""

    async def admit(self, request: Request, call: Callable[[Any], Awaitable[AnyResponse]]) -> AnyResponse:
        """Raises ProblemError 403 for a page of another origin, before anything else is looked at."""
        context.of(request).route = self.path
        reject_other_origins(request)
        return await super().admit(request, call)


class OperationalRoute(PublicRoute):
    """Health and the like, which must respond however much there is to do."""

    bounded = False


def _check_id(request: Request, body: Any) -> None:
    """A PUT may send back what GET gave, with its id; what has another id was meant for another place."""
    given = body.get("id") if isinstance(body, dict) else None
    names = [name for name in request.path_params if name.endswith("_id") and name != "user_id"]
    if isinstance(given, str) and names and _plain(given) != _plain(str(request.path_params[names[-1]])):
        raise RequestValidationError([{"type": "other_id", "loc": ("body", "id"), "msg": "Must be the id in the path"}])


def _plain(row_id: str) -> str:
    """An id in one form: a UUID may be in braces, a URN, in upper case and without hyphens."""
    try:
        return UUID(row_id).hex
    except ValueError:
        return row_id.lower()


def _is_json(body: Any) -> bool:
    return str(getattr(body, "media_type", "application/json")).endswith("json")
