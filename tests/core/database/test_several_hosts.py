"""A database with several addresses: a silent one costs once, the one that worked last is tried first."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
import structlog.testing

from core.database.connector import Connector, Server
from core.database.database import Database
from core.database.errors import DatabaseUnavailableError
from tests.conftest import TestDatabase
from tests.core.database.database_path import echo, later, on, sleep
from tests.core.database.several_hosts import connecting, met, ports, silent, through
from tests.wire import PostgresProxy


@pytest.fixture
def second(own: TestDatabase) -> Iterator[PostgresProxy]:
    """Another way to the same server."""
    proxy = PostgresProxy(own.proxy._target)
    yield proxy
    proxy.close()
    own.proxy.resume()
    own.proxy.accept()


@pytest.fixture
def port(own: TestDatabase) -> str:
    return str(own.proxy.port)


def test_a_silent_host_costs_once(own: TestDatabase, port: str) -> None:
    async def work(path: Database) -> str | None:
        response = await path.fetch_one(echo("first"))
        await asyncio.gather(*(path.fetch_one(sleep(0.05)) for _ in range(5)))
        return response

    with silent() as first, structlog.testing.capture_logs() as logs:
        silent_port = str(first.getsockname()[1])
        where = f"127.0.0.2:{silent_port},127.0.0.1:{port}"
        assert on(own.proxied_url.replace(f"127.0.0.1:{port}", where), work, timeout=4) == "first"
        assert met(first) == 1
    where_not = {"server.address": "127.0.0.2", "server.port": silent_port}
    assert logs == [{"event": "database server passed over", "log_level": "warning", **where_not}]


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.1"], ["::1", "127.0.0.1"], ["127.0.0.1"]])
def test_each_address_of_a_name_is_tried_by_itself(own: TestDatabase, port: str, addresses: list[str]) -> None:
    if addresses[0] == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")

    async def work(connector: Connector) -> dict[str, str]:
        await ports(connector)
        connection = await connector.open(later())
        used: dict[str, str] = connection._pg.info.dsn_parameters
        connection.close()
        return used

    with silent(addresses[0] if len(addresses) > 1 else "127.0.0.2", int(port)) as first:
        used = connecting(through(own, host="database.test"), work, {"database.test": addresses})
        assert met(first) == len(addresses) - 1
    assert (used["host"], used["hostaddr"]) == ("database.test", "127.0.0.1")


def test_a_name_that_is_looked_up_for_ever_takes_its_share_alone(own: TestDatabase, port: str) -> None:
    parameters = through(own, host="silent.test,,database.test", port=f"1,1,{port}")
    assert connecting(parameters, ports, {"silent.test": [], "database.test": ["127.0.0.1"]}) == [port]


def test_addresses_that_are_given_are_not_looked_up(own: TestDatabase, port: str) -> None:
    with silent() as first:
        parameters = through(
            own, host="a.test,b.test", hostaddr="127.0.0.2,127.0.0.1", port=f"{first.getsockname()[1]},{port}"
        )
        assert connecting(parameters, lambda connector: ports(connector, 2)) == [port, port]
        assert met(first) == 1
    parameters = through(own, host="a.test,b.test", hostaddr=",127.0.0.1")
    assert connecting(parameters, ports) == [port], "one that has none is a name"
    del parameters["host"]
    assert connecting({**parameters, "hostaddr": "127.0.0.1"}, ports) == [port]


def test_where_one_refuses_the_next_is_tried_at_once(own: TestDatabase, port: str) -> None:
    closed = "127.0.0.3,::1,127.0.0.4"
    with structlog.testing.capture_logs() as logs:
        assert connecting(through(own, host=f"{closed},/nowhere,127.0.0.1"), ports) == [port]
    assert logs == [], "none was waited for"


def test_the_one_that_worked_last_is_tried_first(own: TestDatabase, port: str, second: PostgresProxy) -> None:
    other = str(second.port)

    async def work(connector: Connector) -> list[str | None]:
        own.proxy.refuse()
        found = await ports(connector)
        own.proxy.accept()
        found += await ports(connector)
        second.refuse()
        return found + await ports(connector)

    parameters = through(own, host="127.0.0.1,127.0.0.1", port=f"{port},{other}")
    assert connecting(parameters, work) == [other, other, port]


def test_pools_remember_by_themselves(own: TestDatabase, port: str, second: PostgresProxy) -> None:
    parameters = through(own, host="127.0.0.1,127.0.0.1", port=f"{port},{second.port}")
    own.proxy.refuse()
    assert connecting(parameters, ports) == [str(second.port)]
    own.proxy.accept()
    assert connecting(parameters, ports) == [port]


def test_a_host_that_had_no_time_is_not_taken_for_a_silent_one(
    own: TestDatabase, port: str, second: PostgresProxy
) -> None:
    """Requests that waited for a connection until their deadline ask for one with next to nothing left."""
    other = str(second.port)

    async def work(connector: Connector) -> list[str | None]:
        found = await ports(connector)
        own.proxy.pause()
        connector.suspect(Server("127.0.0.1", None, port))
        second.pause()
        with pytest.raises(DatabaseUnavailableError):
            await connector.open(later(0.01))
        second.resume()
        return found + await ports(connector)

    with structlog.testing.capture_logs() as logs:
        parameters = through(own, host="127.0.0.1,127.0.0.1", port=f"{port},{other}")
        assert connecting(parameters, work) == [port, other]
    assert logs == [], "the silent one was asked again, for half of the time"


def test_where_a_statement_was_met_by_silence_the_others_are_tried_first(
    own: TestDatabase, port: str, second: PostgresProxy
) -> None:
    async def work(path: Database) -> str | None:
        assert await path.fetch_one(echo("one")) == "one"
        own.proxy.pause()
        with pytest.raises(DatabaseUnavailableError, match="deadline"):
            await path.fetch_one(echo("lost"))
        return await path.fetch_one(echo("other"))

    url = own.proxied_url.replace(f"127.0.0.1:{port}", f"127.0.0.1:{port},127.0.0.1:{second.port}")
    with structlog.testing.capture_logs() as logs:
        assert on(url, work, timeout=1) == "other"
    assert logs == []
    assert len(second.queries) == 1


def test_connect_timeout_is_the_longest_share_of_each_address(own: TestDatabase, port: str) -> None:
    with silent() as first:
        hosts = {"host": "127.0.0.2,127.0.0.1", "port": f"{first.getsockname()[1]},{port}"}
        parameters = through(own, **hosts, connect_timeout="1")

        async def work(connector: Connector) -> float:
            loop = asyncio.get_running_loop()
            started = loop.time()
            await ports(connector, seconds=120)
            return loop.time() - started

        assert 0.99 < connecting(parameters, work) < 60


def test_hosts_are_taken_at_random_where_the_url_says_so(own: TestDatabase, port: str, second: PostgresProxy) -> None:
    other = str(second.port)
    hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{port},{other}"}
    for how, expected in (("random", {port, other}), ("disable", {port})):
        parameters = through(own, **hosts, load_balance_hosts=how)
        assert set(connecting(parameters, lambda connector: ports(connector, 40))) == expected


def test_when_no_host_can_be_had_each_is_told_and_no_password(own: TestDatabase) -> None:
    with silent() as first:
        where = first.getsockname()[1]
        hosts = {"host": "127.0.0.2,nowhere.test,127.0.0.3", "port": f"{where},5432,1"}
        parameters = through(own, **hosts, password="hunter2")
        with pytest.raises(DatabaseUnavailableError) as raised:
            connecting(parameters, lambda connector: ports(connector, seconds=0.5))
    told = str(raised.value)
    begin = f"cannot connect: 127.0.0.2:{where}: deadline; nowhere.test:5432: host not found; 127.0.0.3:1: "
    assert told.startswith(begin)
    assert "Connection refused" in told
    assert "hunter2" not in repr(raised.value)


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
