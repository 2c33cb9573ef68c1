"""Each response on its way out: its headers of security and caching, and its content compressed if that is worth it."""

from collections.abc import Callable

from starlette.types import Message, Scope, Send

from core.http.caching import NO_STORE, allow
from core.http.compression import LEAST_BYTES, compressed, name_tag
from core.http.context import RequestContext

# The client went away before there was a response (nginx's code; never sent).
CLIENT_CLOSED = 499
_SECURITY = [(b"x-content-type-options", b"nosniff"), NO_STORE]


class Outgoing:
    """What the application calls as `send`. The head waits for the content, which decides on its headers."""

    __slots__ = ("_cacheable", "_found", "_held", "_scope", "_send", "_whole", "status")

    def __init__(self, scope: Scope, found: RequestContext, send: Send, *, cacheable: bool) -> None:
        self._scope = scope
        self._found = found
        self._send = send
        # What the server takes both by in one call; layers around this one need not have it.
        self._whole: Callable[[Message, Message], bool] | None = getattr(send, "whole", None)
        self._cacheable = cacheable
        self._held: Message | None = None
        # That of the response, once it has begun.
        self.status = CLIENT_CLOSED

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._held = message
        elif self._held is None:
            await self._send(message)
        else:
            start, self._held = self._held, None
            await self.whole(start, message)

    async def whole(self, start: Message, message: Message) -> None:
        """Sends the head of a response and its first content at once."""
        start["headers"] = [*start["headers"], (b"x-request-id", self._found.request_id.encode()), *_SECURITY]
        if self._cacheable:
            allow(self._scope, start)
        if len(message.get("body", b"")) > LEAST_BYTES:
            message = await compressed(self._scope, start, message)
        elif start["status"] == 304:
            name_tag(self._scope, start)
        self.status = start["status"]
        # What is done from here on, as by a stream or in the background, has time of its own.
        self._found.deadline = 0.0
        if self._whole is None or not self._whole(start, message):
            await self._send(start)
            await self._send(message)
