"""One connection on the event loop: it never blocks it, keeps every deadline, and is never used in an unknown state."""

import asyncio
import os
import select
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.database.connection import Connection
from core.database.errors import ConnectionLostError, DatabaseUnavailableError, StatementError, ValueRejectedError
from tests.conftest import TestDatabase
from tests.core.database.database_path import active, connected, later, until, value

BIG = 8 * 1024 * 1024
# Long enough to be met at work; the server ends it, so that none is left behind.
ASLEEP = "SET LOCAL statement_timeout = 3000; SELECT pg_sleep(30)"


@pytest.fixture(autouse=True)
def _flowing(own: TestDatabase) -> Iterator[None]:
    yield
    own.proxy.resume()
    own.proxy.accept()


def test_statements_come_back_in_order_each_in_one_round_trip(own: TestDatabase) -> None:
    async def work(connection: Connection) -> list[object]:
        assert not connection.used
        own.proxy.clear()
        responses = [await value(connection, f"SELECT {n}") for n in range(3)]
        return [*responses, connection.used, connection.reusable, connection.closed]

    assert connected(own, work) == [0, 1, 2, True, True, False]
    assert own.proxy.queries == ["SELECT 0", "SELECT 1", "SELECT 2"]


def test_the_event_loop_goes_on_while_the_server_works(own: TestDatabase) -> None:
    async def work(connection: Connection) -> int:
        ticks = 0
        statement = asyncio.ensure_future(connection.run("SELECT pg_sleep(0.2)", None, later()))
        while not statement.done():
            ticks += 1
            await asyncio.sleep(0.001)
        await statement
        return ticks

    assert connected(own, work) > 10


def test_what_a_statement_sets_for_itself_does_not_reach_the_next(own: TestDatabase) -> None:
    async def work(connection: Connection) -> tuple[str, str]:
        first = await value(connection, "SET LOCAL statement_timeout = 4321; SHOW statement_timeout")
        return first, await value(connection, "SHOW statement_timeout")

    assert connected(own, work) == ("4321ms", "0")


def test_a_statement_and_a_response_of_many_megabytes_go_through(own: TestDatabase) -> None:
    text = "ä" * (BIG // 2)
    assert connected(own, lambda connection: value(connection, "SELECT %(v)s", text)) == text


def test_a_large_statement_waits_for_a_slow_reader(own: TestDatabase) -> None:
    async def work(connection: Connection) -> int:
        await value(connection, "SELECT 1")
        own.proxy.pause()
        statement = asyncio.ensure_future(value(connection, "SELECT length(%(v)s)", "x" * BIG))
        await until(lambda: connection._socket.writing)
        assert not statement.done()
        own.proxy.resume()
        length: int = await statement
        return length

    assert connected(own, work) == BIG


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT length(%(v)s)"])
def test_a_silent_server_is_given_up_at_the_deadline(own: TestDatabase, sql: str) -> None:
    async def work(connection: Connection) -> tuple[str, bool, float]:
        own.proxy.pause()
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError) as raised:
            await connection.run(sql, {"v": "x" * BIG}, later(0.2))
        return str(raised.value), connection.closed, time.monotonic() - started

    reason, closed, seconds = connected(own, work)
    assert (reason, closed) == ("deadline", True)
    assert 0.198 < seconds < 2  # the loop's timers have milliseconds


@pytest.mark.parametrize("sql", [ASLEEP, "SELECT length(%(v)s)"])
def test_a_connection_that_ends_under_a_statement_is_lost_at_once(own: TestDatabase, sql: str) -> None:
    async def work(connection: Connection) -> bool:
        if "length" in sql:
            own.proxy.pause()
        statement = asyncio.ensure_future(connection.run(sql, {"v": "x" * BIG}, later(30)))
        await until(lambda: connection._socket.writing if "length" in sql else bool(active(own, "pg_sleep")))
        own.proxy.cut()
        with pytest.raises(ConnectionLostError, match="connection lost"):
            await statement
        return connection.closed

    started = time.monotonic()
    assert connected(own, work) is True
    assert time.monotonic() - started < 10, "long before the deadline"


@pytest.mark.parametrize("end", ["cut", "terminate"])
def test_an_idle_connection_notices_that_the_server_has_gone(own: TestDatabase, end: str) -> None:
    async def work(connection: Connection) -> None:
        pid = await value(connection, "SELECT pg_backend_pid()")
        if end == "cut":
            await asyncio.to_thread(own.proxy.cut)
        else:
            await asyncio.to_thread(own.query, "SELECT pg_terminate_backend(%s)", pid)
        await until(lambda: connection.closed)
        assert not connection.reusable
        with pytest.raises(ConnectionLostError):
            await value(connection, "SELECT 1")

    connected(own, work)


@pytest.mark.parametrize("end", ["", "cut"])
def test_a_response_comes_though_the_event_loop_has_forgotten_the_socket(own: TestDatabase, end: str) -> None:
    """As it does with one that has an error when all that came was read."""

    async def work(connection: Connection) -> None:
        await value(connection, "SELECT 1")
        asyncio.get_running_loop().remove_reader(connection._pg.fileno())
        statement = asyncio.ensure_future(value(connection, "SELECT 2"))
        if end:
            await asyncio.to_thread(own.proxy.cut)
            with pytest.raises(ConnectionLostError):
                await statement
        else:
            assert await statement == 2
            assert await value(connection, "SELECT 3") == 3

    started = time.monotonic()
    connected(own, work)
    assert time.monotonic() - started < 4, "long before the deadline"


def test_a_cancelled_statement_closes_its_connection(own: TestDatabase) -> None:
    async def work(connection: Connection) -> bool:
        statement = asyncio.ensure_future(connection.run(ASLEEP, None, later()))
        await until(lambda: bool(active(own, "pg_sleep")))
        statement.cancel()
        with pytest.raises(asyncio.CancelledError):
            await statement
        connection.close()
        return connection.closed

    assert connected(own, work) is True


def wait_on_the_loop_for_the_response(connection: Connection) -> None:
    """Ends with the event, not after a time, but holds up the event loop until then. The two tests below need that: the
    loop finds a response and something else in one look at its sockets only if it could not look in between.
    """
    assert select.select([connection._pg.fileno()], [], [], 10)[0]


def test_a_response_that_comes_with_the_cancellation_is_left_unread(own: TestDatabase) -> None:
    async def work(connection: Connection) -> tuple[bool, list[object]]:
        loop, (reader, writer) = asyncio.get_running_loop(), os.pipe()
        failures: list[object] = []
        loop.set_exception_handler(lambda _, context: failures.append(context))
        statement = asyncio.ensure_future(connection.run("SELECT pg_sleep(0.1)", None, later()))
        loop.add_reader(reader, statement.cancel)
        await asyncio.sleep(0)
        os.write(writer, b"x")
        wait_on_the_loop_for_the_response(connection)
        with pytest.raises(asyncio.CancelledError):
            await statement
        loop.remove_reader(reader)
        os.close(reader)
        os.close(writer)
        return connection.closed, failures

    assert connected(own, work) == (True, [])


def test_a_response_that_has_arrived_counts_though_the_deadline_passes_before_it_is_taken(own: TestDatabase) -> None:
    async def work(connection: Connection) -> tuple[list[tuple[Any, ...]], bool]:
        statement = asyncio.ensure_future(connection.run("SELECT 1 FROM pg_sleep(0.1)", None, later(0.05)))
        await asyncio.sleep(0)
        wait_on_the_loop_for_the_response(connection)
        return (await statement).fetchall(), connection.reusable

    assert connected(own, work) == ([(1,)], True)


def test_a_statement_that_fails_leaves_the_connection_usable(own: TestDatabase) -> None:
    async def work(connection: Connection) -> int:
        pid = await value(connection, "SELECT pg_backend_pid()")
        with pytest.raises(StatementError):
            await value(connection, "SELECT nonsense")
        assert connection.reusable
        return int(await value(connection, "SELECT pg_backend_pid()") - pid)

    assert connected(own, work) == 0


def test_a_value_that_cannot_be_sent_is_rejected_or_a_bug_and_no_outage(own: TestDatabase) -> None:
    async def work(connection: Connection) -> int:
        for text in ("a\0b", "\ud800"):
            with pytest.raises(ValueRejectedError):
                await value(connection, "SELECT %(v)s", text)
        own.proxy.clear()
        assert await value(connection, "SELECT 1") == 1
        with pytest.raises(StatementError, match="psycopg2 cannot send a value of the type object"):
            await value(connection, "SELECT %(v)s", object())
        return len(own.proxy.queries)

    assert connected(own, work) == 1


def test_a_connection_in_a_transaction_is_not_reusable(own: TestDatabase) -> None:
    async def work(connection: Connection) -> list[bool]:
        states = [connection.reusable]
        for sql in ("BEGIN", "ROLLBACK"):
            await connection.run(sql, None, later())
            states.append(connection.reusable)
        connection.close()
        return [*states, connection.reusable]

    assert connected(own, work) == [True, False, True, False]
