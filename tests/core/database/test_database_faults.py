"""The way to PostgreSQL while it is silent, cut off, killed, full or read-only: an error in time, and recovery."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar
from uuid import uuid4

import pytest

from core.database.database import Database
from core.database.errors import ConnectionLostError, DatabaseUnavailableError
from tests.conftest import TestDatabase
from tests.core.database.database_path import (
    active,
    backend,
    backends,
    begun,
    echo,
    note,
    notes,
    on,
    sleep,
    slow_note,
    tried_once,
    until,
    with_no_connection,
)

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _as_new(own: TestDatabase) -> Iterator[None]:
    yield
    own.proxy.resume()
    own.proxy.accept()
    own.query("TRUNCATE own_notes")


def through(own: TestDatabase, work: Callable[[Database], Awaitable[T]], *, timeout: float = 5) -> T:
    """What `work` gives on a pool of its own of two, which goes through the proxy."""
    return on(own.proxied_url, work, pool_size=2, timeout=timeout)


async def gone(own: TestDatabase, pid: int | None) -> None:
    """Kills a backend and waits until it is dead."""
    await asyncio.to_thread(own.query, "SELECT pg_terminate_backend(%s, 5000)", pid)


async def _statement(path: Database) -> object:
    return await path.fetch_one(echo("x"))


async def _begin(path: Database) -> None:
    async with begun(path):
        pytest.fail("it has begun")


@pytest.mark.parametrize("operation", [_statement, _begin])
@pytest.mark.parametrize("connected", [False, True])
def test_a_silent_database_is_given_up_in_time_and_used_again_when_it_speaks(
    own: TestDatabase, operation: Callable[[Database], Awaitable[object]], connected: bool
) -> None:
    async def work(path: Database) -> tuple[float, object]:
        if connected:
            await path.fetch_one(echo("x"))
        own.proxy.pause()
        started = time.monotonic()
        responses = await asyncio.gather(*(operation(path) for _ in range(10)), return_exceptions=True)
        seconds = time.monotonic() - started
        assert {isinstance(response, DatabaseUnavailableError) for response in responses} == {True}, responses
        own.proxy.resume()
        return seconds, await path.fetch_one(echo("back"))

    seconds, response = through(own, work, timeout=1)
    assert response == "back"
    assert seconds < 3


@pytest.mark.parametrize("at", ["statement", "commit"])
def test_a_transaction_under_which_the_database_falls_silent_ends_in_time(own: TestDatabase, at: str) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            own.proxy.pause()
            if at == "statement":
                await transaction.execute(note("b", None))

    async def work(path: Database) -> object:
        with pytest.raises(DatabaseUnavailableError, match="deadline"):
            await write(path)
        own.proxy.resume()
        return await path.fetch_one(echo("back"))

    assert through(own, work, timeout=1) == "back"


@pytest.mark.parametrize("end", ["killed", "cut"])
@pytest.mark.parametrize("noticed", [True, False])
def test_a_read_succeeds_after_its_idle_connection_died(own: TestDatabase, end: str, noticed: bool) -> None:
    async def work(path: Database) -> bool:
        before = await path.fetch_one(backend())
        if end == "cut":
            own.proxy.cut()
        else:
            own.query("SELECT pg_terminate_backend(%s, 5000)", before)
        if noticed:
            await until(lambda: all(connection.closed for connection in path.pool._idle))
        return await path.fetch_one(backend()) != before

    assert through(own, work) is True


@pytest.mark.parametrize("end", ["killed", "cut"])
def test_a_transaction_begins_after_its_idle_connection_died_unseen(own: TestDatabase, end: str) -> None:
    """No place of the pool is lost with it."""

    async def work(path: Database) -> tuple[bool, int]:
        before = await path.fetch_one(backend())
        if end == "cut":
            own.proxy.cut()
        else:
            own.query("SELECT pg_terminate_backend(%s, 5000)", before)
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            other = await transaction.fetch_one(backend()) != before
        return other, path.pool.used

    assert through(own, work) == (True, 0)
    assert notes(own) == ["a"]


@pytest.mark.parametrize("end", ["killed", "cut"])
def test_a_write_succeeds_after_the_death_of_its_idle_connection_was_noticed(own: TestDatabase, end: str) -> None:
    async def work(path: Database) -> int:
        before = await path.fetch_one(backend())
        await (asyncio.to_thread(own.proxy.cut) if end == "cut" else gone(own, before))
        await until(lambda: all(connection.closed for connection in path.pool._idle))
        return await path.execute(note("a", None))

    assert through(own, work) == 1
    assert notes(own) == ["a"]


async def _cut_while_at_work(own: TestDatabase, task: "asyncio.Task[T]", text: str) -> None:
    await until(lambda: bool(active(own, text)))
    own.proxy.cut()
    await asyncio.wait([task])


def test_a_read_that_loses_a_used_connection_is_sent_once_more(own: TestDatabase) -> None:
    async def work(path: Database) -> tuple[object, int]:
        await path.fetch_one(echo("x"))
        own.proxy.clear()
        task = asyncio.create_task(path.fetch_all(sleep(1.5)))
        await _cut_while_at_work(own, task, "pg_sleep")
        return task.result(), len([sql for sql in own.proxy.queries if "pg_sleep" in sql])

    assert through(own, work) == ([""], 2)


def test_a_read_that_loses_a_new_connection_is_an_outage(own: TestDatabase) -> None:
    async def work(path: Database) -> int:
        await with_no_connection(path, own)
        task = asyncio.create_task(path.fetch_all(sleep(30)))
        await _cut_while_at_work(own, task, "pg_sleep")
        assert isinstance(task.exception(), ConnectionLostError)
        return len(own.proxy.queries)

    assert through(own, work) == 1


def test_a_write_is_never_sent_twice(own: TestDatabase) -> None:
    async def work(path: Database) -> tuple[int, int]:
        await path.fetch_one(echo("x"))
        own.proxy.clear()
        task = asyncio.create_task(path.execute(slow_note(1.5)))
        await _cut_while_at_work(own, task, "slow_note")
        assert isinstance(task.exception(), ConnectionLostError)
        sent = len(own.proxy.queries)
        await until(lambda: active(own, "slow_note") == [])
        return sent, await path.execute(note("next", None))

    assert through(own, work) == (1, 1)


def test_a_backend_that_is_killed_at_work_is_an_outage_for_its_statement_only(own: TestDatabase) -> None:
    async def work(path: Database) -> tuple[bool, int]:
        before = await path.fetch_one(backend())
        task = asyncio.create_task(path.execute(slow_note(30)))
        await until(lambda: active(own, "slow_note") == [before])
        await gone(own, before)
        with pytest.raises(DatabaseUnavailableError):
            await task
        return await path.fetch_one(backend()) != before, await path.execute(note("next", None))

    assert through(own, work) == (True, 1)
    assert notes(own) == ["next"]


@pytest.mark.parametrize("end", ["killed", "cut"])
def test_a_transaction_whose_connection_dies_between_statements_is_an_outage(own: TestDatabase, end: str) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            pid = await transaction.fetch_one(backend())
            await (asyncio.to_thread(own.proxy.cut) if end == "cut" else gone(own, pid))
            await until(lambda: backends(own) == [])
            await transaction.execute(note("b", None))

    async def work(path: Database) -> int:
        with pytest.raises(ConnectionLostError):
            await write(path)
        return await path.execute(note("c", None))

    assert through(own, work) == 1
    assert notes(own) == ["c"]


def test_a_transaction_that_loses_a_new_connection_at_its_first_statement_is_an_outage(own: TestDatabase) -> None:
    """Only one that lay idle may have been dead before."""

    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(slow_note(1.5))

    async def work(path: Database) -> int:
        await with_no_connection(path, own)
        task = asyncio.create_task(write(path))
        await _cut_while_at_work(own, task, "slow_note")
        assert isinstance(task.exception(), ConnectionLostError)
        return len(own.proxy.queries)

    assert through(own, work) == 1
    assert notes(own) == []


def test_a_commit_whose_response_is_lost_is_never_taken_for_done(own: TestDatabase) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            own.proxy.cut()

    async def work(path: Database) -> int:
        with pytest.raises(ConnectionLostError):
            await write(path)
        return await path.execute(note("b", None))

    assert through(own, work) == 1
    assert notes(own) == ["b"]


def test_a_database_that_refuses_connections_is_an_outage_until_it_takes_them(own: TestDatabase) -> None:
    async def work(path: Database) -> list[object]:
        await path.fetch_one(echo("x"))
        own.proxy.refuse()
        during = await asyncio.gather(*(path.fetch_one(echo("x")) for _ in range(5)), return_exceptions=True)
        assert {isinstance(response, DatabaseUnavailableError) for response in during} == {True}, during
        own.proxy.accept()
        return await asyncio.gather(*(path.fetch_one(echo(str(n))) for n in range(5)))

    assert through(own, work, timeout=2) == list("01234")


def test_a_full_server_is_an_outage_and_the_connections_it_gave_go_on(own: TestDatabase) -> None:
    role = f"limited_{uuid4().hex}"
    own.query(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    url = own.proxied_url.replace("postgres@", f"{role}@")

    async def work(path: Database) -> tuple[str, object]:
        async with begun(path) as transaction:
            with pytest.raises(DatabaseUnavailableError) as raised:
                await path.fetch_one(echo("x"))
            return str(raised.value), await transaction.fetch_one(echo("goes on"))

    where = f"127.0.0.1:{own.proxy.port}"
    assert on(url, work) == (f'cannot connect: {where}: FATAL: too many connections for role "{role}"', "goes on")
    own.query(f"DROP ROLE {role}")


def test_a_read_only_database_is_an_outage_for_writes_and_none_for_reads(own: TestDatabase) -> None:
    name = own.query("SELECT current_database()")[0][0]

    async def work(path: Database) -> tuple[str | None, object]:
        with pytest.raises(DatabaseUnavailableError) as raised:
            await path.execute(note("a", None))
        return raised.value.sqlstate, await path.fetch_one(echo("read"))

    own.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        assert through(own, work) == ("25006", "read")
    finally:
        own.query(f"SET TRANSACTION READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only")
    assert through(own, lambda path: path.execute(note("a", None))) == 1
