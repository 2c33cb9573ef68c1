"""A connection's end that destroys nothing: what was written is read by the client, whatever it is still sending."""

import asyncio
from collections.abc import Callable

# As long as this after the last response, what the client still sends is read and thrown away.
LINGER_SECONDS = 1


class LingeringTransport:
    """A transport whose `close` ends its own direction first (RFC 9112, section 9.6).

    A socket that is closed with bytes unread, or that gets some later, gets a reset, and a reset destroys
    what the client has received and not read yet. So it is closed when the client has closed, or after
    LINGER_SECONDS. From `close` on nothing more is written.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        # Bound once: the methods of every request cost nothing more than the transport's own.
        self.write: Callable[[bytes], None] = transport.write
        self.is_closing, self.abort = transport.is_closing, transport.abort
        self.get_extra_info = transport.get_extra_info
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading

    def close(self) -> None:
        """Ends the connection once all is sent; `is_closing` says so at once."""
        if self.is_closing():
            return
        self.write, self.is_closing = _drop, _yes
        self._transport.resume_reading()
        self._transport.write_eof()
        self._timer = self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def lost(self) -> None:
        """To be called when the connection is gone."""
        self.is_closing = _yes
        if self._timer is not None:
            self._timer.cancel()


def _drop(_: bytes) -> None:
    """Instead of `write` once the connection ends."""


def _yes() -> bool:
    return True
