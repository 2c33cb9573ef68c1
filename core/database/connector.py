"""Opens connections to one of the servers that a URL names: each address by itself, with its share of the time."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

import structlog

from core.database.connection import Connection
from core.database.errors import DatabaseUnavailableError, DeadlineError

_log = structlog.get_logger("core.database.connector")

# A server that had less time than this to connect in is not known to be silent.
FAIR_SECONDS = 0.5
# An address that was silent, or turned out to be read-only, is tried last for so long.
SUSPECT_SECONDS = 30


class Server(NamedTuple):
    """Where a server is. None is what the URL leaves to libpq; `hostaddr` is also what a look-up of `host` found."""

    host: str | None
    hostaddr: str | None
    port: str | None

    @property
    def unresolved(self) -> bool:
        """Whether its host is a name: libpq would look it up itself and block the event loop meanwhile."""
        if not self.host or self.hostaddr or self.host.startswith(("/", "@")):
            return False
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False

    def __str__(self) -> str:
        return ":".join(filter(None, (self.hostaddr or self.host or "socket", self.port)))


class Connector:
    """Remembers which server worked last (it is tried first) and which are suspect (they are tried last).

    libpq would do none of this: its asynchronous connect waits for a silent address for ever, whatever its
    connect_timeout. What it does itself with a list of hosts is done here: target_session_attrs,
    connect_timeout (of each address) and load_balance_hosts mean what its documentation says.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._servers = _servers(parameters)
        self._parameters = {**parameters, "load_balance_hosts": None}
        attributes = parameters.get("target_session_attrs")
        # Asked for it with a single host, libpq would take any server at once.
        self._passes = ("standby", "any") if attributes == "prefer-standby" else (attributes,)
        self.wants_read_only = attributes in ("read-only", "standby", "prefer-standby")
        self._balances = parameters.get("load_balance_hosts") == "random"
        timeout = int(parameters.get("connect_timeout", 0))
        self._timeout = timeout if timeout > 0 else float("inf")
        # Milliseconds after which the server ends any statement of a connection that is opened from now on.
        self.limit: int | None = None
        self._last_good: Server | None = None
        self._suspect_until: dict[Server, float] = {}

    async def open(self, deadline: float) -> Connection:
        """A connection to the first server that responds and is of the kind asked for.

        Raises DatabaseUnavailableError when none is, at the latest at `deadline` (the event loop's clock).
        """
        pending = [(number, server) for number in range(len(self._passes)) for server in self._mixed(self._servers)]
        failures: list[tuple[Server, DatabaseUnavailableError]] = []
        while pending:
            number, server = min(pending, key=self._rank)
            place, share = pending.index((number, server)), self._share(deadline, len(pending))
            del pending[place]
            try:
                if not server.unresolved:
                    return await self._connect(server, self._passes[number], deadline, share)
                pending[place:place] = [(number, found) for found in self._mixed(await _look_up(server, share))]
            except DeadlineError as error:
                failures.append((server, error))
                if share >= FAIR_SECONDS:
                    self._pass_over(server, others=bool(pending))
            except DatabaseUnavailableError as error:
                failures.append((server, error))
        raise _together(failures)

    def suspect(self, server: Server) -> None:
        """Has it tried last for a while, where there are others."""
        self._suspect_until[server] = asyncio.get_running_loop().time() + SUSPECT_SECONDS

    def _pass_over(self, server: Server, *, others: bool) -> None:
        self.suspect(server)
        if others:
            where = {"server.address": server.hostaddr or server.host, "server.port": server.port}
            _log.warning("database server passed over", **where)

    async def _connect(self, server: Server, attributes: str | None, deadline: float, share: float) -> Connection:
        parameters = {**self._parameters, **server._asdict(), "target_session_attrs": attributes}
        if self.limit is not None:
            own = self._parameters.get("options", "")
            parameters["options"] = f"{own} -c statement_timeout={self.limit}"
        connection = await Connection.open(parameters, deadline, share)
        connection.server, connection.limited = server, self.limit is not None
        self._suspect_until.pop(server, None)
        if not self._balances:
            self._last_good = server
        return connection

    def _rank(self, attempt: tuple[int, Server]) -> tuple[bool, int, bool]:
        """The least is tried first."""
        number, server = attempt
        last = self._last_good
        good = last is not None and server in (last, last._replace(hostaddr=None))
        return self._is_suspect(server), number, not good

    def _is_suspect(self, server: Server) -> bool:
        return self._suspect_until.get(server, 0.0) > asyncio.get_running_loop().time()

    def _share(self, deadline: float, tries: int) -> float:
        """For how many seconds an address may be silent, so that there is time for the others."""
        return min((deadline - asyncio.get_running_loop().time()) / tries, self._timeout)

    def _mixed(self, servers: Sequence[Server]) -> Sequence[Server]:
        return random.sample(servers, len(servers)) if self._balances else servers


def _servers(parameters: Mapping[str, Any]) -> list[Server]:
    """In the order of the URL, whose lists core.urls has checked: one port may stand for all."""
    hosts, addresses, ports = (
        [part or None for part in str(parameters.get(name, "")).split(",")] for name in ("host", "hostaddr", "port")
    )
    size = max(len(hosts), len(addresses))
    lists = [found * size if len(found) == 1 else found for found in (hosts, addresses, ports)]
    return [Server(*parts) for parts in zip(*lists, strict=True)]


async def _look_up(server: Server, seconds: float) -> list[Server]:
    """One for each address of its host. The name stays: the server's certificate is verified by it."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(server.host, None, type=1)
    except TimeoutError:
        raise DeadlineError("host not found in time") from None
    except (OSError, UnicodeError):
        raise DatabaseUnavailableError("host not found") from None
    return [server._replace(hostaddr=one) for one in dict.fromkeys(str(address[0]) for *_, address in found)]


def _together(failures: Sequence[tuple[Server, DatabaseUnavailableError]]) -> DatabaseUnavailableError:
    """One error for all, each with where it was met: libpq says "that host" of it. The only one keeps its kind."""
    told = dict.fromkeys(f"{server}: {str(error).removeprefix('cannot connect: ')}" for server, error in failures)
    states = [error.sqlstate for _, error in failures if error.sqlstate]
    kind = type(failures[0][1]) if len(failures) == 1 else DatabaseUnavailableError
    return kind("cannot connect: " + "; ".join(told), sqlstate=states[-1] if states else None)
