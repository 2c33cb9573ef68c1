"""Serves an application of a test's own behind the middleware and the server of the product."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from core.http.middleware import RequestMiddleware
from core.server import server
from main import create_app
from tests.conftest import make_settings


@contextmanager
def serving(app: ASGIApp, notice: float = 0, **values: Any) -> Iterator[server.Server]:
    """The running server with such settings; `port_of` says where."""
    settings = make_settings(**values)
    services = create_app(settings, "postgresql://nobody@localhost/none").services
    served = RequestMiddleware(app, services, lambda app: app)
    running = server.Server(server.config(served, settings, services.gate, port=0), notice)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield running
    running.should_exit = True
    thread.join(15)
    assert not thread.is_alive()


def port_of(running: server.Server) -> int:
    """Where it listens."""
    port: int = running.servers[0].sockets[0].getsockname()[1]
    return port


async def live_and_die(receive: Receive, send: Send) -> None:
    """What an application without a start and an end of its own does in the scope `lifespan`."""
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})


async def respond_ok(scope: Scope, send: Send) -> None:
    """A plain 200."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def all_ok(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that has a plain 200 for every request."""
    if scope["type"] == "lifespan":
        await live_and_die(receive, send)
    else:
        await respond_ok(scope, send)
