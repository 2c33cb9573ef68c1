"""What FastAPI's own handler gives: the result as the endpoint gave it, and what is told of it."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response

from core.http import context, representation
from core.http.responses import EMPTY, AnyResponse


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
    """The response with the header lines for what the endpoint gave."""
    if response.status_code in EMPTY and "content-type" in response.headers:
        del response.headers["content-type"]  # of content that is not there
    if response.status_code >= 300:
        return response
    if context.of(request).makes:
        response.status_code = 201
    for name, value in representation.header_lines(request):
        response.headers.setdefault(name.decode(), value.decode())
    return response
