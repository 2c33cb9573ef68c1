"""What the tests of several hosts share: silent addresses, a resolver of their own, and URLs with lists."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop
from psycopg2.extensions import parse_dsn

from core.database.connection import Connection
from core.database.connector import Connector
from tests.conftest import TestDatabase
from tests.core.database.database_path import later

T = TypeVar("T")

# As `host`, `hostaddr` and so on; a name that is looked up for ever has no addresses.
Names = Mapping[str, Sequence[str]]


def resolving(names: Names) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes event loops on which these names, and no others, have addresses."""

    class Loop(uvloop.Loop):
        async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
            if host not in names:
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
            if not names[host]:
                await asyncio.sleep(60)
            return [(0, 1, 0, "", (address, port or 0)) for address in names[host]]

    return Loop


def connecting(
    parameters: Mapping[str, Any],
    work: Callable[[Connector], Awaitable[T]],
    names: Names | None = None,
) -> T:
    """What `work` gives with a connector, on a loop that knows `names`."""

    async def main() -> T:
        return await work(Connector(parameters))

    with asyncio.Runner(loop_factory=resolving(names or {})) as runner:
        return runner.run(main())


def through(database: TestDatabase, **lists: str) -> dict[str, str]:
    """The parameters of a database with other hosts."""
    return {**parse_dsn(database.proxied_url), **lists}


async def ports(connector: Connector, number: int = 1, seconds: float = 4) -> list[str | None]:
    """Where the next connections go to."""
    found = []
    for _ in range(number):
        connection: Connection = await connector.open(later(seconds))
        found.append(connection.server.port)
        connection.close()
    return found


@contextmanager
def silent(host: str = "127.0.0.2", port: int = 0) -> Iterator[socket.socket]:
    """An address that takes connections and says nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listener:
        listener.setblocking(False)
        yield listener


def met(listener: socket.socket) -> int:
    """How many connections a silent address has had since the last time."""
    number = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return number
        number += 1
