"""The way to the server: names are looked up off the event loop, hosts tried in turn, and none is waited for long."""

import socket
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from core.database.connection import Connection
from core.database.errors import DatabaseUnavailableError, DeadlineError
from tests.conftest import TestDatabase
from tests.core.database.database_path import connected, echo, later, on, run, value


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up_at_the_deadline() -> None:
    async def main(port: int) -> None:
        await Connection.open({"host": "127.0.0.1", "port": str(port), "dbname": "x", "user": "x"}, later(0.2))

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DatabaseUnavailableError, match="deadline"):
        run(main(silent.getsockname()[1]))


def test_the_name_of_the_host_is_looked_up_before_libpq_sees_it(own: TestDatabase) -> None:
    found = {str(address[0]) for *_, address in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}

    async def work(connection: Connection) -> dict[str, str]:
        assert await value(connection, "SELECT 1") == 1
        return connection._pg.info.dsn_parameters

    used = connected(own, work, host="localhost")
    assert set(used["hostaddr"].split(",")) == found
    assert used["host"].split(",") == ["localhost"] * len(found)


@pytest.mark.parametrize("host", ["nowhere.invalid", "127.0.0.1,127.0.0.1"])
def test_an_address_that_is_given_is_not_looked_up(own: TestDatabase, host: str) -> None:
    addresses = ",".join(["127.0.0.1"] * len(host.split(",")))
    assert connected(own, lambda connection: value(connection, "SELECT 1"), host=host, hostaddr=addresses) == 1


def test_a_socket_needs_no_look_up(own: TestDatabase) -> None:
    async def main() -> Any:
        connection = await Connection.open(parse_dsn(own.url), later())
        try:
            return await value(connection, "SELECT 1")
        finally:
            connection.close()

    assert run(main()) == 1


def test_the_next_host_is_tried_where_one_refuses(own: TestDatabase, closed_port: int) -> None:
    async def work(connection: Connection) -> Any:
        return await value(connection, "SELECT 1")

    ports = f"{closed_port},{closed_port},{own.proxy.port}"
    assert connected(own, work, host="127.0.0.1,127.0.0.1,127.0.0.1", port=ports) == 1


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"host": "nowhere.invalid"}, r"cannot connect: nowhere\.invalid:\d+: host not found"),
        ({"host": "a..b"}, r"cannot connect: a\.\.b:\d+: host not found"),
        ({"host": "a" * 64 + ".example"}, r"cannot connect: a+\.example:\d+: host not found"),
        ({"host": "127.0.0.1", "port": "closed"}, r"cannot connect: 127\.0\.0\.1:\d+: .*Connection refused"),
        ({"host": "/nowhere"}, r"cannot connect: /nowhere:\d+: "),
        ({"port": "nonsense"}, "cannot connect: "),
        ({"sslmode": "nonsense"}, "cannot connect: "),
        ({"sslmode": "require"}, "cannot connect: "),
        ({"dbname": "nowhere"}, 'cannot connect: .*database "nowhere" does not exist'),
        ({"user": "nobody"}, 'cannot connect: .*role "nobody" does not exist'),
    ],
)
def test_a_database_that_cannot_be_reached_is_unavailable_and_no_password_is_told(
    own: TestDatabase, closed_port: int, parameters: dict[str, str], reason: str
) -> None:
    given = {"password": "hunter2", **parameters}
    if given.get("port") == "closed":
        given["port"] = str(closed_port)
    with pytest.raises(DatabaseUnavailableError, match=f"^{reason}") as raised:
        connected(own, lambda connection: value(connection, "SELECT 1"), **given)
    assert "hunter2" not in repr(raised.value)
    assert "\n" not in str(raised.value)


def test_a_silent_server_is_told_with_its_address(own: TestDatabase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://api@127.0.0.1:{port}/todo"
        with pytest.raises(DeadlineError, match=f"^cannot connect: 127.0.0.1:{port}: deadline$"):
            on(url, lambda path: path.fetch_one(echo("x")), timeout=0.6)
