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
    if inspect.iscoroutinefunction(endpoint):

        @functools.wraps(endpoint)
        async def noting_it(*args: Any, **values: Any) -> Any:
            return _noted(await endpoint(*args, **values))

        return noting_it
    streams = inspect.isgeneratorfunction(endpoint) or inspect.isasyncgenfunction(endpoint)
    if streams or not inspect.isfunction(endpoint):
        return endpoint

    @functools.wraps(endpoint)
    def noting_in_thread(*args: Any, **values: Any) -> Any:
        return _noted(endpoint(*args, **values))

    return noting_in_thread


def described(request: Request, response: Response, declared: int) -> AnyResponse:
    """The response with the header lines for what the endpoint gave. What the endpoint says by itself stands: another
    status than the `declared` one of its operation, and a header."""
    if response.status_code in EMPTY and "content-type" in response.headers:
        del response.headers["content-type"]  # of content that is not there
    if response.status_code >= 300:
        return response
    if context.of(request).makes and response.status_code == declared:
        response.status_code = 201
    for name, value in representation.header_lines(request):
        response.headers.setdefault(name.decode(), value.decode())
    return response


def _noted(result: Any) -> Any:
    found = context.current()
    assert found is not None, "an endpoint is called for a request"
    if isinstance(result, Response):
        found.makes = False  # its status is its own
    else:
        found.result = result
        representation.write_tags(found)
    return result
