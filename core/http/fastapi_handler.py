"""What FastAPI's own handler gets and gives: a body that was read before, and the result as the endpoint gave it."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response

from core.http import context, representation
from core.http.responses import EMPTY, AnyResponse


class ReadRequest(Request):
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


def noting(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """`endpoint`, with a note of what it gives: FastAPI passes on only what a schema shows."""

    def note(result: Any) -> Any:
        found = context.current()
        if found is not None and not isinstance(result, Response):
            found.result = result
            representation.write_tags(found)
        return result

    if inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def noting_it(*args: Any, **values: Any) -> Any:
            return note(await endpoint(*args, **values))

        return noting_it
    streams = inspect.isgeneratorfunction(endpoint) or inspect.isasyncgenfunction(endpoint)
    if streams or not inspect.isfunction(endpoint):
        return endpoint

    @functools.wraps(endpoint)
    def noting_in_thread(*args: Any, **values: Any) -> Any:
        return note(endpoint(*args, **values))

    return noting_in_thread


def described(request: Request, response: Response) -> AnyResponse:
    """The response with what representation.described says of what the endpoint gave."""
    if response.status_code in EMPTY and "content-type" in response.headers:
        del response.headers["content-type"]  # of content that is not there
    if response.status_code >= 300:
        return response
    if context.of(request).makes:
        response.status_code = 201
    for name, value in representation.described(request):
        response.headers.setdefault(name.decode(), value.decode())
    return response
