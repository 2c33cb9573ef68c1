"""uvicorn, set up for the open internet: bounds on the head of a request, one shape of error, a bounded shutdown."""

import asyncio
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.config import Settings
from core.errors import Problem

MAX_HEAD_BYTES = 64 * 1024
# Requests under way at SIGTERM have this long; idle connections are closed at once.
SHUTDOWN_SECONDS = 10

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
    _head_bytes = 0
    _in_head = True

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
        super().data_received(data)
        if not self._in_head:
            self._stop_timer()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()
        elif self._head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """From here on it is a body, which core.limits bounds."""
        self._in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are replaced)
        """Bad framing, in the form of every other failure."""
        body = orjson.dumps(_BAD_FRAMING)
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
