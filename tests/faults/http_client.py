"""An HTTP/1.1 client on one kept connection that tells what it saw, also where there was no response."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

# Longer than any response may take, so that one that takes too long is seen and timed.
PATIENCE = 12


@dataclass(frozen=True, slots=True)
class Response:
    """What one request to `port` led to; status 0 is no response. Names of headers are in lower case."""

    status: int
    started: float
    ended: float
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started

    @property
    def failed(self) -> bool:
        """Whether the server, or what is in front of it, did not do what it should."""
        return self.status == 0 or self.status >= 500

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body's value, None without a body."""
        return orjson.loads(self.body) if self.body else None

    def code(self) -> str:
        """The code of a problem."""
        return str(self.json()["code"]) if self.headers.get("content-type") == "application/problem+json" else ""


class HttpClient:
    """Speaks to one port of the loopback for one user."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """One request; it is sent once."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                status, found, content = await self._exchange(self._request(method, path, body, headers))
        except (OSError, asyncio.IncompleteReadError, ValueError):  # TimeoutError is an OSError
            self.close()
            return Response(0, started, time.monotonic(), self._port)
        if found.get("connection") == "close":
            self.close()
        return Response(status, started, time.monotonic(), self._port, found, content)

    def close(self) -> None:
        """Hangs up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    def _request(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._token}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        content = b"" if body is None else orjson.dumps(body)
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + content

    async def _exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # it was closed while it lay idle
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head[:-4].split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        return int(status_line.split(" ", 2)[1]), headers, await reader.readexactly(length)
