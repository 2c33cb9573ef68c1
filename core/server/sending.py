"""Head and body of a response in one write: uvicorn makes two, a system call and a packet each."""

from collections.abc import Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# Without content, and without a length of it (RFC 9110, section 8.6).
_EMPTY = (204, 304)
# What ends the head of a response after which the connection is closed, and of one after which it is kept.
LAST = b"connection: close\r\n\r\n"


def kept_for(seconds: int) -> bytes:
    """Keep-Alive is a hop's own header, so that Connection has to name it (RFC 9110, section 7.6.1)."""
    return f"connection: keep-alive\r\nkeep-alive: timeout={seconds}\r\n\r\n".encode()


async def in_one_piece(
    app: ASGIApp, cycle: RequestResponseCycle, kept: bytes, scope: Scope, receive: Receive, send: Send
) -> None:
    """Runs `app`. What is no plain response (parts, no length, HEAD, a slow reader) is sent by uvicorn as it comes.

    `kept` ends the head of a response after which the connection is kept.
    """
    held: Message | None = None

    async def hold(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and held is None and not cycle.response_started:
            held = message
            if cycle.waiting_for_100_continue and cycle.more_body:
                # Told this instead of "go on", the client sends its body or does not: nobody knows (RFC 9110, 10.1.1).
                cycle.keep_alive = False
            return
        if held is not None:
            start, held = held, None
            if _write(cycle, kept, start, message):
                return
            await send(_announced(cycle, kept, start))
        await send(message)

    # A head never comes without its body: core.http.outgoing holds it until there is one.
    await app(scope, receive, hold)


def _announced(cycle: RequestResponseCycle, kept: bytes, start: Message) -> Message:
    """`start` with the headers of `kept` where they hold."""
    if not cycle.keep_alive or any(name == b"connection" for name, _ in start["headers"]):
        return start
    pairs = [tuple(line.split(b": ", 1)) for line in kept.split(b"\r\n") if line]
    return {**start, "headers": [*start["headers"], *pairs]}


def _write(cycle: RequestResponseCycle, kept: bytes, start: Message, message: Message) -> bool:
    """Sends a plain response; False where it is none."""
    body: bytes = message.get("body", b"")
    if message["type"] != "http.response.body" or message.get("more_body") or cycle.scope["method"] == "HEAD":
        return False
    if cycle.disconnected or cycle.flow.write_paused:
        return False
    head = _head([*cycle.default_headers, *start["headers"]], start["status"], len(body))
    if head is None:
        return False
    cycle.transport.write(head + (kept if cycle.keep_alive else LAST) + body)
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _head(headers: Sequence[tuple[bytes, bytes]], status: int, size: int) -> bytes | None:
    """Status line and headers; None where they are not those of a body of `size` bytes, or would break the framing."""
    lines: list[Any] = [STATUS_LINE[status]]
    length = None
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name in (b"connection", b"transfer-encoding"):
            return None
        lines += name, b": ", value, b"\r\n"
    whole = size == 0 if status in _EMPTY else length == size
    head = b"".join(lines)
    if not whole or not head.count(b"\r") == head.count(b"\n") == len(headers) + 1 or b"\0" in head:
        return None
    return head
