"""The whole arrangement: two ways to one PostgreSQL, each with a database, a proxy and two processes of the API."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.background import Background
from tests.faults.between import Nginx, PgBouncer
from tests.faults.postgres import ROLE, Postgres
from tests.faults.programs import Replica
from tests.faults.proxy import Proxy, Streams

REPLICAS = 2


@dataclass(frozen=True, slots=True)
class Way:
    """One way from the clients to PostgreSQL. `proxy` stands before whatever the API connects to.

    `ports` are where the clients go: to the replicas themselves, or to what stands in front of them. `postgres` is
    where the truth is in the end.
    """

    name: str
    database: str
    url: str
    proxy: Proxy
    replicas: Sequence[Replica]
    ports: Sequence[int]
    postgres: Postgres


class Bench:
    """`direct` goes to PostgreSQL, `pooled` through PgBouncer, which has a proxy of its own on its other side."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self.folder, self._ends = folder, ends
        self.network, self.clients = Background("proxies"), Background("clients")
        for background in (self.network, self.clients):
            self._ends.callback(background.close)
        self.postgres = Postgres(folder)
        self._ends.callback(self.postgres.remove)
        self.behind = self.proxy_to_postgres()
        self.pgbouncer = self.pooler(self.behind)
        self.direct = self._way("direct", self.proxy_to_postgres())
        self.pooled = self._way("pooled", self.proxy_to(self.pgbouncer.port))
        self.ways = (self.direct, self.pooled)
        for replica in (replica for way in self.ways for replica in way.replicas):
            replica.start()
        for replica in (replica for way in self.ways for replica in way.replicas):
            replica.wait_live()

    def proxy_to_postgres(self) -> Proxy:
        """A TCP port that leads to PostgreSQL's socket."""

        return self.proxy_to_socket(self.postgres.socket)

    def proxy_to_socket(self, path: Path) -> Proxy:
        """A TCP port that leads to a Unix socket."""

        async def connect() -> Streams:
            return await asyncio.open_unix_connection(str(path))

        return self._kept(Proxy(self.network, connect))

    def proxy_to(self, port: int) -> Proxy:
        """A TCP port that leads to another."""

        async def connect() -> Streams:
            return await asyncio.open_connection("127.0.0.1", port)

        return self._kept(Proxy(self.network, connect))

    def pooler(self, target: Proxy) -> PgBouncer:
        """A running PgBouncer."""
        made = PgBouncer(self.folder, target.port, ROLE)
        made.launch()
        self._ends.callback(made.stop)
        return made

    def nginx(self, replicas: Sequence[Replica]) -> Nginx:
        """A running nginx in front of the replicas."""
        made = Nginx(self.folder, [replica.port for replica in replicas])
        made.launch()
        self._ends.callback(made.stop)
        return made

    def replica(self, name: str, url: str, **environment: str) -> Replica:
        """A process of the API that is not started yet; ended with the bench at the latest."""
        made = Replica(name, self.folder, url, **environment)
        self._ends.callback(made.stop)
        return made

    def url(self, port: int, database: str) -> str:
        """A URL that an API takes."""
        return f"postgresql://{ROLE}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"

    def _way(self, name: str, proxy: Proxy) -> Way:
        database = self.postgres.make_database(f"todo_{name}")
        url = self.url(proxy.port, database)
        replicas = [self.replica(f"{name}-{number}", url) for number in range(REPLICAS)]
        return Way(name, database, url, proxy, replicas, [replica.port for replica in replicas], self.postgres)

    def _kept(self, proxy: Proxy) -> Proxy:
        self._ends.callback(proxy.close)
        return proxy


@contextmanager
def running(folder: Path) -> Iterator[Bench]:
    """A bench; whatever happens, also while it is set up, everything ends in the reverse order."""
    with ExitStack() as ends:
        yield Bench(folder, ends)
