"""Who asks for `main:app`: uvicorn gets it for our protocol alone, and any other server is told what to run."""

import asyncio
import inspect
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import uvicorn
from uvicorn.server import ServerState

from core.http.application import Api
from core.server.protocol import KEEP_ALIVE_GRACE_SECONDS, BoundedProtocol
from core.server.server import limits

PROTOCOL = f"{__name__}:Protocol"
# uvicorn and gunicorn end as a whole when a worker ends so; after any other status they start it again for ever.
STARTUP_FAILURE = 3
WHAT_TO_RUN = (
    "This API was not started: a server with an HTTP protocol of its own would serve it without its limits and framing "
    "rules; run `python main.py`, which the settings HOST, PORT and WEB_CONCURRENCY are for, "
    f"or `uvicorn main:app --http {PROTOCOL}`."
)


class Protocol(BoundedProtocol):
    """What `python main.py` serves with, whatever else uvicorn was told."""

    # The application of this process, once it was asked for.
    api: Api | None = None
    keep_alive_seconds: int

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # Without what uvicorn puts around it: it would believe any X-Forwarded-For from this machine.
        self.app = self.api
        self.access_log = False  # core/http/middleware.py writes the one line of a request
        self.ws_protocol_class = None
        self.timeout_keep_alive = self.keep_alive_seconds


def app_for_them(make: Callable[[], Api]) -> Api:
    """The application, which `make` makes when it is asked for first. Ends the process with one sentence where another
    protocol would serve it, or where `make` exits."""
    config = _config_of_uvicorn()
    if config is None or config.http not in (PROTOCOL, Protocol):
        _end(WHAT_TO_RUN)
    if Protocol.api is None:
        try:
            with ThreadPoolExecutor(1) as threads:  # an event loop may run in this one, and `make` runs another
                Protocol.api = threads.submit(make).result()
        except SystemExit as stopped:
            _end(stopped.code)
        settings = Protocol.api.services.settings
        Protocol.keep_alive_seconds = settings.keep_alive_timeout + KEEP_ALIVE_GRACE_SECONDS
        for name, value in limits(settings, Protocol.api.services.gate).items():
            setattr(Protocol, name, value)
    return Protocol.api


def _config_of_uvicorn() -> uvicorn.Config | None:
    """The configuration that imports the application just now: a method of it is among those who asked."""
    frame = inspect.currentframe()
    while frame is not None:
        found = frame.f_locals.get("self")
        if isinstance(found, uvicorn.Config):
            return found
        frame = frame.f_back
    return None


def _end(reason: object) -> NoReturn:
    print(reason, file=sys.stderr)  # noqa: T201
    sys.exit(STARTUP_FAILURE)
