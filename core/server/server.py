"""uvicorn, set up for this API: its protocol, its configuration, an orderly shutdown."""

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn

from core.config import Settings
from core.http.admission import Gate
from core.http.context import DRAINING, Observe
from core.logging import flush
from core.server.forwarded import Proxies
from core.server.protocol import KEEP_ALIVE_GRACE_SECONDS, BoundedProtocol
from core.server.sending import kept_for

# Requests under way when nobody is listened to any more have this long; idle connections are closed at once.
SHUTDOWN_SECONDS = 10
# A connection that came just before has this long to send its request.
LAST_ARRIVAL_SECONDS = 0.5
# How soon SIGINT is noticed while it drains.
NOTICED_SECONDS = 0.05

_log = structlog.get_logger("core.server.server")


def limits(settings: Settings, gate: Gate, observe: Observe | None = None) -> dict[str, Any]:
    """The attributes of a BoundedProtocol."""
    return {
        "head_timeout": settings.head_timeout,
        "body_timeout": settings.body_timeout,
        "gate": gate,
        "observe": observe,
        "proxies": Proxies(settings.trusted_proxies) if settings.trusted_proxies else None,
        "prefix": settings.root_path,
        "kept": kept_for(settings.keep_alive_timeout),
    }


def config(app: Any, settings: Settings, gate: Gate, observe: Observe | None = None, **options: Any) -> uvicorn.Config:
    """The server's configuration for one process; `options` are uvicorn's own. While `gate` is flooded by requests,
    more of them are rejected as soon as they are read, of which `observe` is told."""
    return uvicorn.Config(
        app,
        http=type("Protocol", (BoundedProtocol,), limits(settings, gate, observe)),
        ws="none",
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # see core/server/forwarded.py
        timeout_keep_alive=settings.keep_alive_timeout + KEEP_ALIVE_GRACE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        **{"host": settings.host, "port": settings.port, **options},
    )


class Server(uvicorn.Server):
    """On SIGTERM it drains first: for `notice` seconds it says that it is not ready, and that each response is the last
    on its connection, while it goes on serving. So a proxy in front loses no request. SIGHUP does the same, as there is
    nothing to load again; it is ignored by a process that was started so (nohup). SIGINT ends it at once.
    """

    def __init__(self, config: uvicorn.Config, notice: float, parent: int | None = None) -> None:
        """`parent` can be read from once the process is gone that this one is a worker of."""
        super().__init__(config)
        self._notice = notice
        self._parent = parent
        self._drains = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves from here on."""
        await super().startup(sockets)
        if sockets is not None:
            self._log_started_message(sockets)
        if self._parent is not None:
            asyncio.get_running_loop().add_reader(self._parent, self._orphaned)

    def _orphaned(self) -> None:
        assert self._parent is not None
        asyncio.get_running_loop().remove_reader(self._parent)
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The handler of both signals."""
        self._drains = sig != signal.SIGINT
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Behind it the process ends with status 0, as several workers do: what it has to say is said before, and who
        pressed Ctrl-C is not shown where."""
        hang_up = signal.getsignal(signal.SIGHUP)
        handled = threading.current_thread() is threading.main_thread() and hang_up != signal.SIG_IGN
        if handled:
            signal.signal(signal.SIGHUP, self.handle_exit)
        with super().capture_signals():
            try:
                yield
            finally:
                if handled:
                    signal.signal(signal.SIGHUP, hang_up)
                self._captured_signals.clear()
                flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends when all requests get their responses, or their time is over."""
        if self._parent is None:
            _log.info("stopping", **{"todo_api.drain_seconds": self._notice if self._drains else 0})
        if self._drains:
            self.lifespan.state[DRAINING] = True
            for connection in self.server_state.connections:
                cast(BoundedProtocol, connection).drain()
            await self._notify()
            await self._stop_listening(sockets or [])
        await super().shutdown(sockets)

    async def _notify(self) -> None:
        """Goes on serving for the time of the notice, or until SIGINT comes as well."""
        for _ in range(round(self._notice / NOTICED_SECONDS)):
            if not self._drains:
                return
            await asyncio.sleep(NOTICED_SECONDS)

    async def _stop_listening(self, sockets: list[socket.socket]) -> None:
        """Closes the listeners, and serves the connections that are in their accept queues already."""
        loop = asyncio.get_running_loop()
        listeners = [listener.dup() for server in self.servers for listener in server.sockets]
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()
        arrived = [connection for listener in listeners for connection in _waiting(listener)]
        for connection in arrived:
            await loop.connect_accepted_socket(self._protocol, connection)
        await asyncio.sleep(LAST_ARRIVAL_SECONDS)

    def _protocol(self) -> asyncio.Protocol:
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
