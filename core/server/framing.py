"""Where each request of a connection begins and ends: httptools' parser, and what happens where it cannot tell."""

from abc import ABC, abstractmethod
from typing import Literal

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from core.http.context import DRAINING, Observe
from core.server import rejections

MAX_HEAD_BYTES = 64 * 1024


class FramedProtocol(HttpToolsProtocol, ABC):
    """uvicorn's protocol that reads on only where it knows where the next message begins.

    After a message whose end it did not reach, earlier requests get their responses, that message one at most, and the
    connection is closed.
    """

    # What clients find the paths of the API behind; `root_path` is uvicorn's.
    prefix: str
    observe: Observe | None
    # The part of a message that is being received, None between two. The first head is due at once.
    _part: Literal["head", "body"] | None = "head"
    # Whether no further message is read.
    _ended = False
    # The latest request that was begun; later ones of the same connection wait for its response.
    _running: RequestResponseCycle | None = None
    # Whether the message that is being received is for _reject.
    _rejecting = False
    # Bytes that no complete head and no body have come of: a head, trailers, what chunks are wrapped in.
    _pending = 0
    # The length of a head that ends among the bytes that are read now is not above this.
    _longest = 0
    # Whether that was a head, and too much.
    _too_large = False

    def data_received(self, data: bytes) -> None:
        """Raises nothing: what is not HTTP ends the connection."""
        if self._ended or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._pending += len(data)
        # What came with the end of the message before is part of it, or of this head.
        self._longest = len(data) + (self._longest if self._part == "head" else 0)
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._break_off()
        if self._pending > MAX_HEAD_BYTES:
            self._too_large = self._part == "head"
            self._break_off()
        self._set_timers()

    def _parse(self, data: bytes) -> None:
        """Feeds the parser. It stops behind a head that offers to switch to another protocol, and knows of no body
        there; the offer is ignored (RFC 9110, section 7.8): another parser reads the same head without it, and on."""
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as offer:
                rest = memoryview(rest)[offer.args[0] :]
                head = self._head_without_offer()
                self.parser = httptools.HttpRequestParser(self)
                self.parser.feed_data(head)

    def _head_without_offer(self) -> bytes:
        lines = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        version = self.parser.get_http_version().encode()
        return b"\r\n".join([self.parser.get_method() + b" " + self.url + b" HTTP/" + version, *lines, b"", b""])

    def _break_off(self) -> None:
        """The end of this message will not be known."""
        if self._ended:
            return
        self._ended = True
        why = rejections.HEAD_TOO_LARGE if self._too_large else rejections.BAD_FRAMING
        response = rejections.unreadable(why, self.client, self.prefix)
        if self.observe is not None:
            self.observe({"method": "_OTHER"}, why[0].status, 0.0, None, why[0].code)
        own = self.cycle if self._part == "body" else None
        before = self._before(own)
        if before is not None:
            before.keep_alive = False
            return
        if own is None or not own.response_started:
            self.transport.write(response)
        if own is not None:
            own.disconnected = True
            own.message_event.set()
        self.transport.close()

    def _before(self, own: RequestResponseCycle | None) -> RequestResponseCycle | None:
        """The request before `own` whose response is still due; `own` is taken out of the pipeline."""
        if self.pipeline and self.pipeline[0][0] is own:
            self.pipeline.popleft()
        before = self.pipeline[0][0] if self.pipeline else self._running
        return None if before is None or before is own or before.response_complete else before

    def on_message_begin(self) -> None:
        """Raises ValueError, which ends the parsing, where no further message is read."""
        if self._ended:
            raise ValueError("the connection has had its last message")
        self._part = "head"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """From here on it is a body, which core.http.body_limits bounds. Raises ValueError, which is bad framing."""
        self._pending = 0
        if self._longest > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES:
            self._too_large = True
            raise ValueError("the head is too large")
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("what follows would be a tunnel's")
            return  # an offer, see _parse
        self._part = "body"
        if self._is_rejected():
            self._rejecting = True
            return
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.waiting_for_100_continue = False  # RFC 9110, section 10.1.1
        self.headers = []  # trailers come as headers do, and are none
        if self.app_state.get(DRAINING):
            self.cycle.keep_alive = False

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        """A body is not held here."""
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._part == "head":
            return  # an offer, see _parse
        self._part = None
        if self._rejecting:
            self._rejecting = False
            self._reject()
        else:
            super().on_message_complete()
            self._ended = not self.cycle.keep_alive

    def drain(self) -> None:
        """The response that is due is the connection's last."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self._ended = self._part != "body"

    @abstractmethod
    def _is_rejected(self) -> bool:
        """Whether the request of this head is rejected once it is whole, without the application."""

    @abstractmethod
    def _reject(self) -> None:
        """Responds to such a request."""

    @abstractmethod
    def _set_timers(self) -> None:
        """Called when bytes were read."""
