"""A TCP proxy that delays, swallows, cuts and corrupts what two programs say to each other."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.faults.background import Background

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_GARBAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis is not PostgreSQL.\n"


@dataclass(slots=True)
class Weather:
    """What happens to bytes. Each is off by default and may be changed while they flow."""

    # Seconds that each piece of data waits before it goes on.
    delay: float = 0
    # Seconds that a new connection waits before it is let through: a compute that wakes up.
    waking: float = 0
    # How likely it is that a response is lost and the connection reset instead.
    loses: float = 0
    # Responses arrive byte by byte.
    trickles: bool = False
    # Responses are those of another protocol.
    garbage: bool = False


class Link:
    """One connection from the client's side to the server's."""

    def __init__(self, client: Streams, server: Streams) -> None:
        self.client, self.server = client, server
        self.flowing = asyncio.Event()
        self.flowing.set()

    def reset(self) -> None:
        """RST to both."""
        for _, writer in (self.client, self.server):
            found: socket.socket | None = writer.get_extra_info("socket")
            if found is not None and found.family != socket.AF_UNIX:
                with suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on a port of the loopback that stays its own, and connects to where `connect` does."""

    def __init__(self, background: Background, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._background, self._connect = background, connect
        self._links: set[Link] = set()
        self._silent = False
        self._server: asyncio.Server | None = None
        self.weather = Weather()
        self.port = 0
        self._call(self._listen)

    @contextmanager
    def changed(self, **weather: float | bool) -> Iterator[None]:
        """Has that weather for a while."""
        for name, value in weather.items():
            setattr(self.weather, name, value)
        try:
            yield
        finally:
            self.weather = Weather()

    @contextmanager
    def silent(self, *, for_ever: bool = False) -> Iterator[None]:
        """Bytes and connections vanish. Afterwards they flow on; `for_ever`, those of connections then open never."""
        self._call(self._hush)
        try:
            yield
        finally:
            self._call(self._drop if for_ever else self._speak)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody listens, and every connection there was is reset."""
        self._call(self._close)
        try:
            yield
        finally:
            self._call(self._listen)

    def reset(self) -> None:
        """Resets every connection."""
        self._background.loop.call_soon_threadsafe(self._reset)

    def half_close(self, *, towards_client: bool) -> None:
        """Tells one side of every connection that the other has no more to say, and goes on listening to it."""
        self._background.loop.call_soon_threadsafe(self._half_close, towards_client)

    def close(self) -> None:
        """Ends it and all connections."""
        self._call(self._close)

    def _call(self, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        self._background.call(run())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._reset()
        await asyncio.sleep(0)

    async def _hush(self) -> None:
        self._silent = True
        for link in self._links:
            link.flowing.clear()

    async def _speak(self) -> None:
        self._silent = False
        for link in self._links:
            link.flowing.set()

    async def _drop(self) -> None:
        """Whoever is silent now stays so; they are forgotten when one side hangs up."""
        self._silent = False

    def _reset(self) -> None:
        for link in self._links:
            link.flowing.set()
            link.reset()

    def _half_close(self, towards_client: bool) -> None:
        for link in self._links:
            _, writer = link.client if towards_client else link.server
            if not writer.is_closing():
                with suppress(OSError, RuntimeError):
                    writer.write_eof()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.waking:
            await asyncio.sleep(self.weather.waking)
        try:
            link = Link((reader, writer), await self._connect())
        except OSError:
            writer.transport.abort()
            return
        if self._silent:
            link.flowing.clear()
        self._links.add(link)
        try:
            await asyncio.gather(self._up(link), self._down(link))
        finally:
            self._links.discard(link)

    async def _up(self, link: Link) -> None:
        await self._pump(link, link.client[0], link.server[1], responses=False)

    async def _down(self, link: Link) -> None:
        await self._pump(link, link.server[0], link.client[1], responses=True)

    async def _pump(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, responses: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                await link.flowing.wait()
                if self.weather.delay:
                    await asyncio.sleep(self.weather.delay)
                if responses and random.random() < self.weather.loses:
                    link.reset()
                    return
                await self._forward(data, writer, responses=responses)
            await link.flowing.wait()
        except OSError:
            pass
        finally:
            writer.close()

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter, *, responses: bool) -> None:
        if responses and self.weather.garbage:
            writer.write(_GARBAGE)
        elif responses and self.weather.trickles:
            for number in data:
                writer.write(bytes([number]))
                await asyncio.sleep(0.0005)
        else:
            writer.write(data)
        await writer.drain()
