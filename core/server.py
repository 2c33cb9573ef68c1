"""uvicorn, set up for the open internet: bounds on the head of a request, one shape of error, a bounded shutdown."""

import asyncio
from typing import Any
from uuid import uuid4

import orjson
import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.config import Settings
from core.errors import Problem

MAX_HEAD_BYTES = 64 * 1024
# Requests under way at SIGTERM have this long; idle connections are closed at once.
SHUTDOWN_SECONDS = 10

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
        http=type("Protocol", (BoundedProtocol,), {"head_timeout": settings.head_timeout}),
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


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on the time (seconds) and the size of a request's head, which it lacks."""

    head_timeout: float
    _head_timer: asyncio.TimerHandle | None = None
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

    def on_body(self, body: bytes) -> None:
        """A body is not held here."""
        self._pending = 0
        super().on_body(body)

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
