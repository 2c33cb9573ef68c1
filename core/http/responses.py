"""A whole response, sent as it is: what most operations give, without the parts of a Response that they do not use."""

from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

# Those that have no content, and no length of it (RFC 9110, section 8.6).
EMPTY = (204, 304)


class WholeResponse:
    """Status, headers with lower-case names but not those of the content, and the content: JSON, or none."""

    __slots__ = ("body", "raw_headers", "status")

    def __init__(self, status: int, raw_headers: Iterable[Header] = (), body: bytes | None = None) -> None:
        self.status = status
        self.raw_headers = list(raw_headers)
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (as a Response is called)
        headers = self.raw_headers.copy()
        body = self.body or b""
        if self.status not in EMPTY:
            headers.append((b"content-length", b"%d" % len(body)))
        if self.body is not None:
            headers.append((b"content-type", b"application/json"))
        start: Message = {"type": "http.response.start", "status": self.status, "headers": headers}
        content: Message = {"type": "http.response.body", "body": body}
        whole = getattr(send, "whole", None)  # core.http.outgoing, where no layer stands between
        if whole is not None:
            await whole(start, content)
        else:
            await send(start)
            await send(content)


# What an operation gives; both are called with scope, receive and send.
AnyResponse = WholeResponse | Response
