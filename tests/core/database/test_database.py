"""The way to PostgreSQL: one round trip a statement, transactions that leave nothing behind, and no lost place."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

import pytest

import core.database.executor
import core.database.transaction
from core.database.database import Database
from core.database.errors import DatabaseUnavailableError, StatementError, UniqueViolationError, ValueRejectedError
from core.database.queries import Query
from core.database.transaction import LOCK_MILLISECONDS
from tests.conftest import TestDatabase
from tests.core.database.database_path import (
    active,
    backend,
    backends,
    echo,
    lock,
    note,
    notes,
    on,
    request_deadline,
    setting,
    sleep,
    slow_note,
    tried_once,
    until,
)

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _as_new(own: TestDatabase) -> Iterator[None]:
    yield
    own.proxy.resume()
    own.query("TRUNCATE own_notes")


def through(
    own: TestDatabase, work: Callable[[Database], Awaitable[T]], *, pool_size: int = 5, timeout: float = 5
) -> T:
    """What `work` gives on a pool of its own, which goes through the proxy."""
    return on(own.proxied_url, work, pool_size=pool_size, timeout=timeout)


def test_a_statement_is_one_round_trip_and_a_transaction_one_more(own: TestDatabase) -> None:
    async def work(path: Database) -> list[list[str]]:
        counted = []
        for operation in (lambda: path.fetch_one(echo("a")), lambda: path.execute(note("b", None))):
            own.proxy.clear()
            await operation()
            counted.append(list(own.proxy.queries))
        own.proxy.clear()
        async with tried_once(path) as transaction:
            assert await transaction.fetch_all(echo("c")) == ["c"]
            assert await transaction.execute(note("d", None)) == 1
        counted.append(list(own.proxy.queries))
        own.proxy.clear()
        async with tried_once(path) as transaction:
            assert await transaction.fetch_all(echo("e")) == ["e"]
            transaction.at_end(note("f", None))
        counted.append(list(own.proxy.queries))
        own.proxy.clear()
        async with tried_once(path):
            pass
        return [*counted, list(own.proxy.queries)]

    read, written, transaction, written_at_end, nothing = through(own, work)
    insert = "INSERT INTO todo.own_notes (note, place) VALUES ('{}', NULL) RETURNING todo.own_notes.note"
    assert read == ["SELECT concat('a') AS concat_1"]
    assert written == [insert.format("b")]
    assert transaction[0].startswith("BEGIN; SET LOCAL statement_timeout = ")
    assert transaction[0].endswith("; SELECT concat('c') AS concat_1")
    assert transaction[1:] == [insert.format("d"), "COMMIT"]
    assert written_at_end[1:] == [f"{insert.format('f')}; COMMIT"]
    assert nothing == []
    assert notes(own) == ["b", "d", "f"]


def test_a_transaction_is_seen_by_others_once_it_is_committed(own: TestDatabase) -> None:
    async def work(path: Database) -> list[int]:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            inside = [await asyncio.to_thread(notes, own)]
        return [len(seen) for seen in [*inside, await asyncio.to_thread(notes, own)]]

    assert through(own, work) == [0, 1]


async def _raise(_: Database) -> None:
    raise KeyError("the user's own")


async def _fail(path: Database) -> None:
    await path.execute(note("", None))


@pytest.mark.parametrize(("end", "error"), [(_raise, KeyError), (_fail, ValueRejectedError)])
def test_a_transaction_that_fails_leaves_nothing_behind(
    own: TestDatabase, end: Callable[[object], Awaitable[None]], error: type[Exception]
) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            await end(transaction)

    async def work(path: Database) -> tuple[bool, list[tuple[int, str]]]:
        before = await path.fetch_one(backend())
        with pytest.raises(error):
            await write(path)
        return await path.fetch_one(backend()) == before, await asyncio.to_thread(backends, own)

    same, left = through(own, work)
    assert same, "the connection is clean and goes on"
    assert [state for _, state in left] == ["idle"]
    assert notes(own) == []


def test_an_error_that_is_caught_inside_a_transaction_does_not_pass_for_a_commit(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            with pytest.raises(ValueRejectedError):
                await transaction.execute(note("", None))
            with pytest.raises(StatementError, match="InFailedSqlTransaction"):
                await transaction.execute(note("b", None))
        return "committed"

    with pytest.raises(StatementError, match="the transaction had failed before its COMMIT"):
        through(own, work)
    assert notes(own) == []


def test_a_commit_that_is_rejected_raises_what_the_server_said(own: TestDatabase) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", 1))
            await transaction.execute(note("b", 1))

    async def work(path: Database) -> tuple[str | None, int]:
        with pytest.raises(UniqueViolationError) as raised:
            await write(path)
        return raised.value.constraint, len(await asyncio.to_thread(backends, own))

    assert through(own, work) == ("own_notes_place_key", 1)
    assert notes(own) == []


@pytest.mark.parametrize("last", [note("", None), note("b", 1)], ids=["at once", "at COMMIT"])
def test_a_write_at_the_end_that_fails_undoes_the_transaction(own: TestDatabase, last: Query[str]) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", 1))
            transaction.at_end(last)

    async def work(path: Database) -> set[str]:
        with pytest.raises((ValueRejectedError, UniqueViolationError)):
            await write(path)
        # That of the test before may still be about to end.
        return {state for _, state in await asyncio.to_thread(backends, own)}

    assert through(own, work) == {"idle"}
    assert notes(own) == []


def test_behind_a_rollback_a_transaction_sends_nothing_more(own: TestDatabase) -> None:
    async def work(path: Database) -> None:
        with suppress(LookupError):
            async with tried_once(path) as transaction:
                await transaction.execute(note("a", None))
                raise LookupError
        with pytest.raises(StatementError, match="the transaction was rolled back"):
            await transaction.execute(note("b", None))

    through(own, work)
    assert notes(own) == []


def test_a_cancelled_transaction_is_rolled_back_and_gives_its_place_back(own: TestDatabase) -> None:
    async def write(path: Database) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(note("a", None))
            await asyncio.sleep(60)

    async def work(path: Database) -> tuple[bool, list[str]]:
        before = await path.fetch_one(backend())
        task = asyncio.create_task(write(path))
        await until(lambda: [state for _, state in backends(own)] == ["idle in transaction"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        same = await path.fetch_one(backend()) == before
        return same, [state for _, state in await asyncio.to_thread(backends, own)]

    assert through(own, work, pool_size=1) == (True, ["idle"])
    assert notes(own) == []


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_cancelled_statement_gives_its_place_back_but_not_its_connection(
    own: TestDatabase, in_transaction: bool
) -> None:
    async def write(path: Database) -> None:
        if in_transaction:
            async with tried_once(path) as transaction:
                await transaction.execute(slow_note(30))
        else:
            await path.execute(slow_note(30))

    async def work(path: Database) -> tuple[int | None, int | None]:
        before = await path.fetch_one(backend())
        task = asyncio.create_task(write(path))
        await until(lambda: bool(active(own, "slow_note")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        after = await path.fetch_one(backend())
        await until(lambda: [pid for pid, _ in backends(own)] == [after])
        return before, after

    before, after = through(own, work, pool_size=1, timeout=1.5)
    assert before != after
    assert notes(own) == [], "the server has given it up by itself"


def test_what_is_set_for_a_statement_or_a_transaction_does_not_reach_the_next(own: TestDatabase) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

    async def work(path: Database) -> list[tuple[int | None, list[str | None]]]:
        async with tried_once(path) as transaction:
            inside = await transaction.fetch_one(backend()), [await transaction.fetch_one(setting(n)) for n in names]
        return [inside, (await path.fetch_one(backend()), [await path.fetch_one(setting(n)) for n in names])]

    (first, inside), (second, outside) = through(own, work, timeout=2)
    assert first == second, "on the same connection"
    assert inside[1] == f"{LOCK_MILLISECONDS // 1000}s"
    assert inside[0] == inside[2] != "0"
    assert outside[1:] == ["0", "0"]


def test_a_statement_that_takes_too_long_is_ended_by_the_server_and_its_connection_goes_on(
    own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may need longer than the product allows for the server's response to arrive.
    monkeypatch.setattr(core.database.executor, "SERVER_MARGIN_SECONDS", 4.5)

    async def work(path: Database) -> tuple[str | None, bool]:
        before = await path.fetch_one(backend())
        with pytest.raises(DatabaseUnavailableError) as raised:
            await path.fetch_one(sleep(30))
        return raised.value.sqlstate, await path.fetch_one(backend()) == before

    assert through(own, work, timeout=5) == ("57014", True)


def test_a_transaction_waits_for_a_lock_no_longer_than_agreed(
    own: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LOCK_MILLISECONDS == 2000
    monkeypatch.setattr(core.database.transaction, "LOCK_MILLISECONDS", 100)

    async def locked(path: Database, then: Callable[[], Awaitable[object]]) -> None:
        async with tried_once(path) as transaction:
            await transaction.execute(lock(1))
            await then()

    async def work(path: Database) -> str | None:
        with pytest.raises(DatabaseUnavailableError) as raised:
            await locked(path, lambda: locked(path, lambda: asyncio.sleep(0)))
        return raised.value.sqlstate

    assert through(own, work) == "55P03"


def test_the_deadline_of_the_request_counts_for_all_its_statements(own: TestDatabase) -> None:
    async def request(path: Database) -> int:
        request_deadline.set(asyncio.get_running_loop().time() + 1)
        for count in range(100):
            try:
                await path.fetch_one(sleep(0.2))
            except DatabaseUnavailableError:
                return count
        return -1

    async def work(path: Database) -> int:
        return await asyncio.create_task(request(path))

    assert 1 <= through(own, work, timeout=30) <= 5


def test_only_a_response_of_the_database_counts_as_a_sign_of_life(own: TestDatabase) -> None:
    async def work(path: Database) -> tuple[bool, float]:
        assert path.last_response == float("-inf")
        await path.fetch_one(echo("x"))
        last = path.last_response
        own.proxy.pause()
        with pytest.raises(DatabaseUnavailableError):
            await path.fetch_one(echo("x"))
        return path.last_response == last, asyncio.get_running_loop().time() - last

    same, age = through(own, work, timeout=1)
    assert same
    assert 0.99 <= age < 5  # the event loop's clock shows milliseconds, and those of the beginning of its turn
