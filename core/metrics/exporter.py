"""GET /metrics on a port of its own: any worker responds, for all of them."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

from core.database.database import Database
from core.http.admission import Gate
from core.http.context import Observe
from core.metrics import sources
from core.metrics.cells import Cells
from core.metrics.exposition import CONTENT_TYPE, exposition
from core.metrics.meter import Meter
from core.tokens.verifier import TokenVerifier

# How often each worker writes down what its parts say of themselves; whoever responds does so for itself besides.
PUBLISH_SECONDS = 1
# Who asks is a program on a near machine: its request is short and comes at once.
_HEAD_BYTES, _HEAD_SECONDS = 8192, 5
_ENDS = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError)


class Exporter:
    """Serves on `listeners`, which so many `workers` share; it is made before they are forked. `start` and `stop` are
    called in the event loop of each.
    """

    def __init__(self, listeners: Sequence[socket.socket], workers: int) -> None:
        self.meter = Meter(Cells(workers))
        self._listeners = listeners
        self._servers: list[asyncio.Server] = []
        self._publishing: asyncio.Task[None] | None = None

    def watch(self, database: Database, gate: Gate, verifier: TokenVerifier) -> Observe:
        """What is to be told of each request; the others are asked."""
        sources.watch(self.meter, database, gate, verifier)
        return self.meter.observe

    async def start(self) -> None:
        """Serves from here on."""
        self._publishing = asyncio.create_task(self._publish())
        for one in self._listeners:
            self._servers.append(await asyncio.start_server(self._respond, sock=one, limit=_HEAD_BYTES))

    async def stop(self) -> None:
        """Ends this worker's part; what it has counted stays."""
        assert self._publishing is not None
        self._publishing.cancel()
        for server in self._servers:
            server.close()
        self.meter.publish()

    async def _publish(self) -> None:
        while True:
            self.meter.publish()
            await asyncio.sleep(PUBLISH_SECONDS)

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One response, and the connection ends."""
        with suppress(*_ENDS):
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, *_ = [*head.split(b"\r\n", 1)[0].split(b" "), b"", b""]
                writer.write(self._response(method, path.split(b"?")[0]))
                await writer.drain()
        writer.close()

    def _response(self, method: bytes, path: bytes) -> bytes:
        if (method, path) != (b"GET", b"/metrics"):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.meter.publish()
        body = exposition(self.meter.cells, self.meter.started).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        return f"{head}Connection: close\r\n\r\n".encode() + body
