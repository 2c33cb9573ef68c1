"""Each response on its way out: its headers of security and caching, and its content compressed if that is worth it."""

from starlette.types import Message, Scope, Send

from core.http.caching import NO_STORE, allow
from core.http.compression import LEAST_BYTES, compressed, name_tag
from core.http.context import RequestContext

# The client went away before there was a response (nginx's code; never sent).
CLIENT_CLOSED = 499
_SECURITY = [(b"x-content-type-options", b"nosniff"), NO_STORE]


class Outgoing:
    """What the application calls as `send`. The head waits for the content, which decides on its headers."""

    __slots__ = ("_cacheable", "_found", "_held", "_scope", "_send", "status")

    def __init__(self, scope: Scope, found: RequestContext, send: Send, *, cacheable: bool) -> None:
        self._scope = scope
        self._found = found
        self._send = send
        self._cacheable = cacheable
        self._held: Message | None = None
        # That of the response, once it has begun.
        self.status = CLIENT_CLOSED

    async def __call__(self, message: Message) -> None:
        """Sends one message."""
        if message["type"] == "http.response.start":
            self._held = message
            return
        if self._held is not None:
            start, self._held = self._held, None
            start["headers"] = [*start["headers"], (b"x-request-id", self._found.request_id.encode()), *_SECURITY]
            if self._cacheable:
                allow(self._scope, start)
            if "body" in message and len(message["body"]) > LEAST_BYTES:
                message = await compressed(self._scope, start, message)
            elif start["status"] == 304:
                name_tag(self._scope, start)
            self.status = start["status"]
            await self._send(start)
        await self._send(message)
