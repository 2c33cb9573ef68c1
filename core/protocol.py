"""uvicorn's HTTP protocol with what it lacks for the open internet: bounds, one shape of error, cheap refusals."""

import asyncio
import time
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from core.access import API
from core.errors import Problem
from core.limits import Gate
from core.middleware import access_fields, request_id_of
from core.problems import details, retry_after
from core.sending import in_one_piece

MAX_HEAD_BYTES = 64 * 1024
# Who was refused in a flood was told to wait for a second or more. Who does not is not read for this long: to refuse
# again and again would take all the time from those who are served.
FLOOD_PAUSE_SECONDS = 0.5
# Of the state that every request finds as `request.state`: set while the process takes leave.
LEAVING = "leaving"

_log = structlog.get_logger("core.protocol")
_log_access = structlog.get_logger("core.middleware")

_API = API.encode() + b"/"
_NOT_SIMPLE = {b"content-length", b"transfer-encoding", b"upgrade", b"origin"}
_OVERLOADED = Problem.OVERLOADED.code
_SECURITY = "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"

_BAD_FRAMING = {
    "type": "urn:todo-api:problem:bad_request",
    "title": Problem.BAD_REQUEST.title,
    "status": 400,
    "detail": "This is not well-formed HTTP/1.1.",
    "code": Problem.BAD_REQUEST.code,
}


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds that it lacks: on the time (seconds) and the size of a request's head, and on
    the time of a client that does not read its answer.
    """

    head_timeout: float
    body_timeout: float
    gate: Gate | None
    _refusing = False
    _pause_timer: asyncio.TimerHandle | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _in_head = True
    # Bytes that no complete head and no body have come of: a head, trailers, what chunks are wrapped in.
    _pending = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is due from here."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._stop_timer()
        self._stop_reader_timer()
        self._stop_pause()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head that is not complete after this is due in time, and counted."""
        if self.cycle is not None and self.cycle.response_complete:
            self._in_head = True
        self._pending += len(data)
        super().data_received(data)
        if self._pending > MAX_HEAD_BYTES:
            self.transport.close()
        elif not self._in_head:
            self._stop_timer()
        elif self._head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """From here on it is a body, which core.limits bounds."""
        self._in_head = False
        self._pending = 0
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            raise ValueError("the head is too large")  # the parser makes it bad framing
        if self.gate is not None and self.gate.flooded and self._is_simple():
            self._refusing = True
            return
        super().on_headers_complete()
        if self.app_state.get(LEAVING):
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, partial(in_one_piece, app, cycle))

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._refusing:
            self._refusing = False
            self._refuse()
        else:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """A body is not held here."""
        self._pending = 0
        super().on_body(body)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered; from here on it has to."""
        super().pause_writing()
        self._reader_timer = self.loop.call_later(self.body_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        self._stop_reader_timer()

    def _is_simple(self) -> bool:
        """Whether a flood's refusal can be made here: of the API, alone on its connection, without a body, and not of
        a browser that asks from elsewhere and reads nothing without the headers of CORS."""
        names = {name for name, _ in self.headers}
        alone = self.cycle is None or self.cycle.response_complete
        has_content = self.parser.get_method() != b"HEAD"
        return alone and has_content and self.url.startswith(_API) and not names & _NOT_SIMPLE

    def _refuse(self) -> None:
        """503 as core.problems answers it, and its line in the log, at a fifth of the cost."""
        assert self.gate is not None
        started, headers = time.perf_counter(), dict(self.headers)
        path = self.url.decode("latin-1").split("?")[0]
        request_id = request_id_of(headers)
        body = details(self.gate.refuse(), path, request_id)
        close = not self.parser.should_keep_alive() or LEAVING in self.app_state
        head = (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nretry-after: {retry_after()}\r\nx-request-id: {request_id}\r\n"
            f"{_SECURITY}{'connection: close' if close else 'connection: keep-alive'}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._in_head = True
        scope = {**self.scope, "method": self.parser.get_method().decode(), "path": path}
        fields = {**access_fields(scope, headers, 503, started), "error.code": _OVERLOADED}
        _log_access.info("request", request_id=request_id, **fields)
        if close:
            self.transport.close()
        else:
            self._stop_pause()
            self.flow.pause_reading()
            self._pause_timer = self.loop.call_later(FLOOD_PAUSE_SECONDS, self.flow.resume_reading)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are replaced)
        """Bad framing, in the form of every other failure; what it was sent to is not known."""
        occurrence = uuid4()
        body = orjson.dumps({**_BAD_FRAMING, "instance": occurrence.urn, "request_id": occurrence.hex})
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {occurrence.hex}\r\n"
            f"{_SECURITY}connection: close\r\n\r\n"
        )
        fields = {"error.code": Problem.BAD_REQUEST.code, "error.reason": "bad_framing"}
        _log.info("request refused", request_id=occurrence.hex, **fields)
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout, self.transport.close)

    def _stop_timer(self) -> None:
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
