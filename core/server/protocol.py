"""uvicorn's HTTP protocol with what it lacks for the open internet: bounds, whose request it is, cheap rejections."""

import asyncio
import time
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from core.http.admission import Gate
from core.http.authorization import API
from core.http.context import DRAINING
from core.http.middleware import access_fields, request_id_of
from core.logging import access
from core.problems import Problem
from core.server import rejections
from core.server.forwarded import Proxies, unmapped
from core.server.framing import FramedProtocol
from core.server.sending import LAST, in_one_piece
from core.server.transport import LingeringTransport

# A client that was rejected in a flood was told to retry after a second or more. One that retries earlier is not read
# for this long: rejecting it again and again would take all the time from the others.
FLOOD_PAUSE_SECONDS = 0.5
# An idle connection has longer than it is told, so that a request which was sent in time arrives in time.
KEEP_ALIVE_GRACE_SECONDS = 1
# A request that arrived while the loop was busy is read before its connection is closed as idle.
LAST_LOOK_SECONDS = 0.01

_API = API.encode() + b"/"
_NOT_SIMPLE = {b"content-length", b"transfer-encoding", b"origin"}
_OVERLOADED = Problem.OVERLOADED.code


class BoundedProtocol(FramedProtocol):
    """The protocol with bounds that uvicorn's lacks: on the time (seconds) of a request's head, and of a client that
    does not read its response; and with a flood's cheap rejections."""

    head_timeout: float
    body_timeout: float
    gate: Gate
    proxies: Proxies | None
    # What ends the head of a response after which the connection is kept.
    kept: bytes
    _lingering: LingeringTransport
    _pause_timer: asyncio.TimerHandle | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is due from here."""
        self._lingering = LingeringTransport(transport, self.loop)
        super().connection_made(cast(asyncio.Transport, self._lingering))
        self.client = self.client and (unmapped(self.client[0]), self.client[1])  # None: it is gone already
        self._set_timers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._lingering.lost()
        self._stop_head_timer()
        self._stop_reader_timer()
        self._stop_pause()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, partial(in_one_piece, app, cycle, self.kept))

    def on_response_complete(self) -> None:
        """The next of several requests is begun, or the connection is idle, unless a message is half received."""
        super().on_response_complete()
        if self._part is not None:
            self._set_timers()

    def timeout_keep_alive_handler(self) -> None:
        """The connection was idle for its time."""
        self.timeout_keep_alive_task = self.loop.call_later(LAST_LOOK_SECONDS, self.transport.close)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is sent to; from here on it has to."""
        super().pause_writing()
        self._reader_timer = self.loop.call_later(self.body_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        self._stop_reader_timer()

    def _is_rejected(self) -> bool:
        if self.proxies is not None:  # before: the line of a rejection names the client too
            self.scope["client"], self.scope["scheme"] = self.proxies.origin(self.client, self.headers)
        return self.gate.flooded and self._is_simple()

    def _is_simple(self) -> bool:
        """Whether a flood's rejection can be made here: of the API, alone on its connection, without a body, and not of
        a browser that asks from elsewhere and reads nothing without the headers of CORS."""
        names = {name for name, _ in self.headers}
        alone = self.cycle is None or self.cycle.response_complete
        has_content = self.parser.get_method() != b"HEAD"
        return alone and has_content and self.url.startswith(_API) and not names & _NOT_SIMPLE

    def _reject(self) -> None:
        """503, and its line in the log."""
        started, headers = time.perf_counter(), dict(self.headers)
        path = unquote(self.url.split(b"?")[0].decode("latin-1"))
        request_id = request_id_of(headers)
        self._ended = not self.parser.should_keep_alive() or self.app_state.get(DRAINING, False)
        end = LAST if self._ended else self.kept
        self.transport.write(rejections.overloaded(self.gate.reject(), self.prefix, path, request_id, end))
        scope = {**self.scope, "method": self.parser.get_method().decode(), "path": path}
        if self.observe is not None:
            self.observe(scope, 503, time.perf_counter() - started, None, _OVERLOADED)
        fields = {**access_fields(scope, headers, 503, started), "error.code": _OVERLOADED}
        access.write("error", {"request_id": request_id, **fields})
        if self._ended:
            self.transport.close()
        else:
            self._stop_pause()
            self.flow.pause_reading()
            self._pause_timer = self.loop.call_later(FLOOD_PAUSE_SECONDS, self.flow.resume_reading)

    def _set_timers(self) -> None:
        """A head, or the rest of a body whose response was sent already, has the head's time; between two messages the
        connection is idle. While a response is due, the application has its own limits."""
        complete = self.cycle is None or self.cycle.response_complete
        if self._ended or not (self._part == "head" or complete):
            self._stop_head_timer()
        elif self._part is None:
            self._stop_head_timer()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            self._unset_keepalive_if_required()
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(self.head_timeout, self._head_is_overdue)

    def _head_is_overdue(self) -> None:
        """Requests before this head get their responses still."""
        self._ended = True
        rejections.tell("head_timeout", self.client)
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_pause(self) -> None:
        if self._pause_timer is not None:
            self._pause_timer.cancel()

    def _stop_reader_timer(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None
