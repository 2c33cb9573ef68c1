"""What a request may weigh, and how long its body may take."""

import asyncio
import re
import time
from collections.abc import Awaitable, Generator, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.types import Message, Receive

from core.http.responses import Header
from core.problems import Problem, ProblemError, of_status

# RFC 3986, section 3.2.2: a name, an address of IPv4, or one of IPv6 in brackets; and a port, which may be empty.
_is_host = re.compile(rb"(\[[\w:.%-]+\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?[ \t]*").fullmatch
# The rest of a rejected body is never read, so the connection cannot be used again.
_CLOSE = {"Connection": "close"}


def bad_head(
    lines: Sequence[Header], headers: Mapping[bytes, bytes], http_version: str, max_bytes: int
) -> ProblemError | None:
    """400 unless it is HTTP/1 with a good Host (RFC 9112, section 3.2), 413 for a length over `max_bytes`, 501 for
    another transfer coding than chunked (section 6.1); None for a good one. `headers` are its `lines` by name; the
    server takes no head with two lengths."""
    if http_version not in ("1.0", "1.1"):
        return ProblemError(Problem.BAD_REQUEST, "Send HTTP/1.1.", headers=_CLOSE)
    length = headers.get(b"content-length")
    if length is not None and (len(length) > 18 or int(length) > max_bytes):
        return _too_large(max_bytes)
    # Where chunked is not the last one, the server finds no end of the body, and responds itself.
    if b"transfer-encoding" in headers and b"," in _joined(lines, b"transfer-encoding"):
        return ProblemError(of_status(501), "Send `Transfer-Encoding: chunked` alone, or none.", headers=_CLOSE)
    hosts = int(b"host" in headers)
    if len(lines) > len(headers):
        hosts = [name for name, _ in lines].count(b"host")
    if hosts > 1 or (not hosts and http_version == "1.1"):
        return ProblemError(Problem.BAD_REQUEST, "Send exactly one Host header.", headers=_CLOSE)
    if hosts and not _is_host(headers[b"host"]):
        return ProblemError(Problem.BAD_REQUEST, "Host is not a host, with or without a port.", headers=_CLOSE)
    return None


def limited(receive: Receive, max_bytes: int, seconds: float) -> Receive:
    """`receive` that raises ProblemError 413 beyond `max_bytes`, and 408 once a body has taken `seconds`."""
    size = 0
    deadline: float | None = None
    whole = False

    async def receive_within() -> Message:
        nonlocal size, deadline, whole
        if whole:  # what comes after a body is that the client has gone
            return await receive()
        deadline = deadline or time.monotonic() + seconds  # the event loop's clock
        begun = receive().__await__()
        try:
            first = next(begun)
        except StopIteration as done:  # it was there: nearly always, and a timer costs more than all else here
            message: Message = done.value
        else:
            message = await _within(deadline, seconds, _Begun(begun, first))
        size += len(message.get("body", b""))
        whole = not message.get("more_body")
        if size > max_bytes:
            raise _too_large(max_bytes)
        return message

    return receive_within


async def _within(deadline: float, seconds: float, begun: Awaitable[Message]) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            return await begun
    except TimeoutError:
        detail = f"The body did not arrive within {seconds:g} seconds."
        raise ProblemError(Problem.BODY_TIMEOUT, detail, headers=_CLOSE) from None


class _Begun:
    """What was begun to be awaited, and did not end at once, awaited to its end. `first` is what it waits for."""

    def __init__(self, begun: Generator[Any, Any, Message], first: Any) -> None:
        self._begun, self._first = begun, first

    def __await__(self) -> Generator[Any, Any, Message]:
        waited = self._first
        while True:
            try:
                given = yield waited
            except BaseException as error:  # cancelled, or too late
                step = partial(self._begun.throw, error)
            else:
                step = partial(self._begun.send, given)
            try:
                waited = step()
            except StopIteration as done:
                message: Message = done.value
                return message


def _joined(lines: Sequence[Header], name: bytes) -> bytes:
    return b",".join(value for one, value in lines if one == name)


def _too_large(max_bytes: int) -> ProblemError:
    return ProblemError(Problem.BODY_TOO_LARGE, f"A body has at most {max_bytes} bytes.", headers=_CLOSE)
