"""Gets what a server publishes, from a thread that may wait: with a deadline, a largest size and no redirect."""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from core.config import NAME, VERSION

FETCH_SECONDS = 5
# Some 7,500 keys of Ed25519, or 2,500 of RSA: servers have been seen that made a key with each request.
MAX_BYTES = 1024 * 1024

_HEADERS = {"Accept": "application/json", "User-Agent": f"{NAME}/{VERSION}"}


class NotThereError(HTTPException):
    """The server has responded, and what is asked for is not at this address."""


def fetch(urls: Sequence[str], seconds: float = FETCH_SECONDS) -> tuple[str, bytes]:
    """The first of `urls` that there is something at, and what it is; all of it within `seconds`.

    Only "not there" leads to the next: a server that is away or in trouble is not asked twice. Raises as `download`.
    """
    until = time.monotonic() + seconds
    missing: list[str] = []
    for url in urls:
        try:
            return url, download(url, max(until - time.monotonic(), 0.01))
        except NotThereError as error:
            missing.append(f"{error} at {url}")
    raise NotThereError(", ".join(missing))


def download(url: str, seconds: float = FETCH_SECONDS) -> bytes:
    """What is at `url`, within `seconds`, which each silent address of its host takes for itself. Follows no redirect.
    Raises NotThereError, OSError, HTTPException."""
    until = time.monotonic() + seconds
    parts = urlsplit(url)
    assert parts.hostname is not None
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname, parts.port, timeout=seconds)) as connection:
        connection.connect()
        response, body = _response(connection, parts.path or "/", max(until, time.monotonic() + 0.01))
    if response.status != 200:
        # 429, too many requests, says nothing of the address.
        there = response.status == 429 or not 400 <= response.status < 500
        raise (HTTPException if there else NotThereError)(f"the status is {response.status}")
    if len(body) > MAX_BYTES:
        raise HTTPException("the response is too large")
    return body


def _response(connection: HTTPConnection, path: str, until: float) -> tuple[HTTPResponse, bytes]:
    """The timeout is that of each read; a server that sends a byte now and then is hung up on."""
    limit = threading.Timer(until - time.monotonic(), hang_up, [connection.sock])
    limit.start()
    try:
        connection.request("GET", path, headers=_HEADERS)
        response = connection.getresponse()
        body = response.read(MAX_BYTES + 1) if response.status == 200 else b""
    except (OSError, HTTPException):
        if time.monotonic() < until:
            raise
    finally:
        limit.cancel()
    if time.monotonic() >= until:  # what was read, or went wrong, is of our own hanging up
        raise TimeoutError("no whole response in time")
    return response, body


def hang_up(connected: socket.socket) -> None:
    """Ends the connection for whoever waits for it in another thread."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
