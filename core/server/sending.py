"""Head and body of a response in one write: uvicorn makes two, a system call and a packet each."""

from collections.abc import Awaitable, Sequence
from operator import itemgetter

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from core.http.responses import EMPTY

# What ends the head of a response after which the connection is closed, and of one after which it is kept.
LAST = b"connection: close\r\n\r\n"

# As numbers: of bytes, Python first tries whether they are one, and makes an error of it.
_CR, _LF, _NUL = b"\r\n\0"
_name = itemgetter(0)


def kept_for(seconds: int) -> bytes:
    """Keep-Alive is a hop's own header, so that Connection has to name it (RFC 9110, section 7.6.1)."""
    return f"connection: keep-alive\r\nkeep-alive: timeout={seconds}\r\n\r\n".encode()


def in_one_piece(
    app: ASGIApp, cycle: RequestResponseCycle, kept: bytes, scope: Scope, receive: Receive, send: Send
) -> Awaitable[None]:
    """Runs `app`. `kept` ends the head of a response after which the connection is kept."""
    return app(scope, receive, Sender(cycle, kept, send))


class Sender:
    """What `app` calls as `send`. What is no plain response (parts, no length, HEAD, a slow reader) uvicorn sends."""

    __slots__ = ("_cycle", "_held", "_kept", "_send")

    def __init__(self, cycle: RequestResponseCycle, kept: bytes, send: Send) -> None:
        self._cycle, self._kept, self._send = cycle, kept, send
        # A head never comes without its body: core.http.outgoing holds it until there is one.
        self._held: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._held is None and not self._cycle.response_started:
            self._held = message
            return
        if self._held is not None:
            start, self._held = self._held, None
            if self.whole(start, message):
                return
            await self._send(_announced(self._cycle, self._kept, start))
        await self._send(message)

    def whole(self, start: Message, message: Message) -> bool:
        """Sends head and body in one write, if that is all; False where it has to be sent as it comes."""
        cycle = self._cycle
        if cycle.waiting_for_100_continue and cycle.more_body:
            # Told this instead of "go on", the client sends its body or does not: nobody knows (RFC 9110, 10.1.1).
            cycle.keep_alive = False
        body: bytes = message.get("body", b"")
        if message["type"] != "http.response.body" or message.get("more_body") or cycle.scope["method"] == "HEAD":
            return False
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        head = _head([*cycle.default_headers, *start["headers"]], start["status"], len(body))
        if head is None:
            return False
        cycle.transport.write(b"%b%b%b" % (head, self._kept if cycle.keep_alive else LAST, body))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


def _announced(cycle: RequestResponseCycle, kept: bytes, start: Message) -> Message:
    """`start` with the headers of `kept` where they hold."""
    if not cycle.keep_alive or any(name == b"connection" for name, _ in start["headers"]):
        return start
    pairs = [tuple(line.split(b": ", 1)) for line in kept.split(b"\r\n") if line]
    return {**start, "headers": [*start["headers"], *pairs]}


def _head(headers: Sequence[tuple[bytes, bytes]], status: int, size: int) -> bytes | None:
    """Status line and headers; None where they are not those of a body of `size` bytes, or would break the framing."""
    names, lines = [*map(_name, headers)], [*map(b": ".join, headers)]
    if b"connection" in names or b"transfer-encoding" in names:
        return None
    if status in EMPTY:
        whole = size == 0
    else:
        whole = names.count(b"content-length") == 1 and b"content-length: %d" % size in lines
    text = b"".join(lines)
    if not whole or _CR in text or _LF in text or _NUL in text:
        return None
    return b"%b%b\r\n" % (STATUS_LINE[status], b"\r\n".join(lines))
