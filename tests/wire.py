"""A proxy that stands between the application and PostgreSQL, reads what is sent, and can be made to fail."""

import asyncio
import re
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.database.table_schema import LOOK
from tests.prepared_text import plain

T = TypeVar("T")

# Frontend messages (PostgreSQL documentation, "Message Formats"): a type, a length that counts itself, a body.
_QUERY = ord("Q")
_LIMIT = re.compile(r"SET LOCAL \w+ = [^;]+")
_OWN_LIMITS = re.compile(r"^(SET LOCAL statement_timeout = \d+; )")


class PostgresProxy:
    """Forwards a TCP port of the loopback to PostgreSQL, in a thread of its own.

    `queries` holds the text of every simple query since `clear()`: its length is the number of round trips.
    The application's own `SET LOCAL` prefix is taken off, and EXECUTE is read as the statement that it stands for;
    `messages` holds what was sent as it was; `limits` holds each text of such a statement, as
    pg_stat_statements would. `looks` counts apart how often it looked which schema the
    tables are in, which it does once before its first statement. Made for `sslmode=disable`.
    """

    def __init__(self, target: str) -> None:
        """`target` is the path of a Unix socket, or host:port."""
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._accepting = True
        self._server: asyncio.Server | None = None
        self.queries: list[str] = []
        self.messages: list[str] = []
        self.prepared: dict[str, str] = {}
        self.limits: set[str] = set()
        self.looks = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres-proxy", daemon=True)
        self._thread.start()
        self.port: int = self._call(self._start())

    def clear(self) -> None:
        """Forgets the queries so far."""
        self.queries.clear()
        self.messages.clear()

    def pause(self) -> None:
        """From now on bytes vanish in both directions: nobody responds and nobody hangs up."""
        self._call(self._set(flowing=False))

    def resume(self) -> None:
        """What was held back flows on."""
        self._call(self._set(flowing=True))

    def cut(self) -> None:
        """Ends every connection there is, at once."""
        self._call(self._cut())

    def refuse(self) -> None:
        """Ends every connection, and every new one as soon as it is made."""
        self._accepting = False
        self.cut()

    def accept(self) -> None:
        """New connections work again."""
        self._accepting = True

    def close(self) -> None:
        """Ends the proxy and its thread."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> int:
        self._flowing.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._flowing.set()
        await self._cut()
        await asyncio.sleep(0.05)

    async def _set(self, *, flowing: bool) -> None:
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, up_writer}
        try:
            await asyncio.gather(self._pump(reader, up_writer, _Frontend(self)), self._pump(up_reader, writer, None))
        finally:
            self._writers -= {writer, up_writer}

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.startswith("/"):
            return await asyncio.open_unix_connection(self._target)
        host, _, port = self._target.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: "_Frontend | None") -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                if tap is not None:
                    tap.feed(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class _Frontend:
    """Cuts one client's bytes into messages and notes the simple queries."""

    def __init__(self, proxy: PostgresProxy) -> None:
        self._proxy = proxy
        self._buffer = b""
        self._started = False

    def feed(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head = 1 if self._started else 0
            if len(self._buffer) < head + 4:
                return
            size = head + int.from_bytes(self._buffer[head : head + 4], "big")
            if len(self._buffer) < size:
                return
            message, self._buffer = self._buffer[:size], self._buffer[size:]
            if self._started and message[0] == _QUERY:
                sent = message[5:-1].decode()
                self._proxy.messages.append(sent)
                self._proxy.limits.update(_LIMIT.findall(sent))
                text = plain(_OWN_LIMITS.sub("", sent), self._proxy.prepared)
                if text == LOOK:
                    self._proxy.looks += 1
                else:
                    self._proxy.queries.append(text)
            self._started = True
