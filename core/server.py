"""uvicorn, set up for the open internet: bounds on the head of a request, one shape of error, an orderly shutdown."""

import asyncio
import signal
import socket
from types import FrameType
from typing import Any
from uuid import uuid4

import orjson
import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.config import Settings
from core.errors import Problem

MAX_HEAD_BYTES = 64 * 1024
# Requests under way when nobody is listened to any more have this long; idle connections are closed at once.
SHUTDOWN_SECONDS = 10
# A connection that came just before has this long to send its request.
LAST_ARRIVAL_SECONDS = 0.5
# Of the state that every request finds as `request.state`: set while the process takes leave.
LEAVING = "leaving"

_log = structlog.get_logger("core.server")

_BAD_FRAMING = {
    "type": "urn:todo-api:problem:bad_request",
    "title": Problem.BAD_REQUEST.title,
    "status": 400,
    "detail": "This is not well-formed HTTP/1.1.",
    "code": Problem.BAD_REQUEST.code,
}


def config(app: Any, settings: Settings, **options: Any) -> uvicorn.Config:
    """The server's configuration for one process; `options` are uvicorn's own."""
    return uvicorn.Config(
        app,
        http=type(
            "Protocol",
            (BoundedProtocol,),
            {"head_timeout": settings.head_timeout, "body_timeout": settings.body_timeout},
        ),
        ws="none",
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        **{"host": settings.host, "port": settings.port, **options},
    )


class Server(uvicorn.Server):
    """On SIGTERM it takes leave first: for `notice` seconds it says that it is not ready, and that each answer is the
    last on its connection, while it goes on serving. So a proxy in front loses no request. SIGINT ends it at once.
    """

    def __init__(self, config: uvicorn.Config, notice: float, parent: int | None = None) -> None:
        """`parent` can be read from once the process is gone that this one is a worker of."""
        super().__init__(config)
        self._notice = notice
        self._parent = parent
        self._takes_leave = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves from here on."""
        await super().startup(sockets)
        if self._parent is not None:
            asyncio.get_running_loop().add_reader(self._parent, self._orphaned)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._parent or 0)
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The handler of both signals."""
        self._takes_leave = sig == signal.SIGTERM
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends when all requests are answered, or their time is over."""
        if self._takes_leave:
            self.lifespan.state[LEAVING] = True
            await asyncio.sleep(self._notice)
            await self._stop_listening()
        await super().shutdown(sockets)

    async def _stop_listening(self) -> None:
        """Closes the listeners, but not on those whom the kernel has let in already and nobody has greeted yet."""
        loop = asyncio.get_running_loop()
        listeners = [listener.dup() for server in self.servers for listener in server.sockets]
        for server in self.servers:
            server.close()
        arrived = [connection for listener in listeners for connection in _waiting(listener)]
        for connection in arrived:
            await loop.connect_accepted_socket(self._greet, connection)
        await asyncio.sleep(LAST_ARRIVAL_SECONDS)

    def _greet(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def _waiting(listener: socket.socket) -> list[socket.socket]:
    """The connections in the queue of a listener, which is closed as soon as it is empty."""
    found: list[socket.socket] = []
    with listener:
        listener.setblocking(False)
        try:
            while True:
                found.append(listener.accept()[0])
        except OSError:  # BlockingIOError: nobody is left
            return found


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds that it lacks: on the time (seconds) and the size of a request's head, and on
    the time of a client that does not read its answer.
    """

    head_timeout: float
    body_timeout: float
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
        super().on_headers_complete()
        if self.app_state.get(LEAVING):
            self.cycle.keep_alive = False

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

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are replaced)
        """Bad framing, in the form of every other failure; what it was sent to is not known."""
        occurrence = uuid4()
        body = orjson.dumps({**_BAD_FRAMING, "instance": occurrence.urn, "request_id": occurrence.hex})
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {occurrence.hex}\r\n"
            "x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
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

    def _stop_reader_timer(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None
