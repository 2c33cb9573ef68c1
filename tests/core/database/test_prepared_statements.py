"""Statements are prepared on each connection, and whatever becomes of that, nobody sees it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from core.database import prepared_statements as room
from core.database.database import Database
from core.database.errors import MissingGrantError, UniqueViolationError
from core.database.executor import Executor
from core.database.queries import SCHEMA, SCHEMAS, Query
from tests.conftest import RunningServer, TestDatabase, UserClient
from tests.core.database.database_path import on
from tests.core.database.prepared_path import add, at_place, kinds, place_of, raw, through, with_constants


def name_of(query: Query[Any]) -> str:
    """The name under which it was prepared for values of these types."""
    assert query.statement.prepared
    return str(query.statement.prepared[(SCHEMA, room.PLAN_ONCE, *map(type, query.values.values()))].name)


def test_a_statement_is_prepared_once_on_each_connection_in_the_message_that_runs_it(marked: TestDatabase) -> None:
    async def work(path: Database) -> list[Any]:
        await path.schema()
        marked.proxy.clear()
        found = [await path.fetch_one(place_of(mark)) for mark in ("one", "two", "one")]
        assert await path.fetch_all(raw("SELECT name FROM pg_prepared_statements")) == [(name_of(place_of("one")),)]
        return found

    for _ in range(2):
        assert through(marked, work) == [1, None, 1]
        assert kinds(marked) == ["PREPARE EXECUTE", "EXECUTE", "EXECUTE", "text"]
        assert all(sent.startswith("SET LOCAL statement_timeout = ") for sent in marked.proxy.messages)


def test_after_500_statements_they_are_planned_anew(marked: TestDatabase) -> None:
    """A table that was empty when they were planned may be large by then."""

    async def work(path: Database) -> set[int | None]:
        await path.schema()
        marked.proxy.clear()
        return {await path.fetch_one(place_of("one")) for _ in range(1000)}

    assert through(marked, work) == {1}
    anew = {number: kind for number, kind in enumerate(kinds(marked), 1) if "DISCARD" in kind}
    assert anew == dict.fromkeys((500, 1000), "DISCARD EXECUTE")


def test_a_name_is_a_hash_of_all_that_is_meant(marked: TestDatabase) -> None:
    """Of the schema, the types and the constants too."""

    async def work(path: Database) -> set[str]:
        await path.execute(place_of("one"))
        names = {name_of(place_of("one"))}
        for query in (at_place(1), add("b", None, None), add("c", 2, datetime.now(UTC)), with_constants("one")):
            await path.execute(query)
            names.add(name_of(query))
        return names

    assert len(through(marked, work)) == 5
    one, other = place_of("one"), place_of("one")
    texts = [room.prepared(one.statement.texts[schema], {}, one.values) for schema in SCHEMAS]
    assert len({found.name for found in texts if found}) == len(SCHEMAS)
    constants = [
        room.prepared(one.statement.texts["todo"], {"c": value}, {**other.values, "c": value}) for value in (1, 2)
    ]
    assert len({found.name for found in constants if found}) == 2


def test_what_was_thrown_away_is_sent_in_plain_text_and_prepared_anew(marked: TestDatabase) -> None:
    async def work(path: Database) -> list[Any]:
        await path.fetch_one(place_of("one"))
        await path.execute(raw("DEALLOCATE ALL"))
        marked.proxy.clear()
        return [await path.fetch_one(place_of("one")) for _ in range(3)]

    assert through(marked, work) == [1, 1, 1]
    assert kinds(marked) == ["EXECUTE", "text", "PREPARE EXECUTE", "EXECUTE"]


def test_what_somebody_else_has_prepared_counts_as_prepared(marked: TestDatabase) -> None:
    """As behind a pooler, which gives one session to many."""

    async def work(path: Database) -> list[Any]:
        await path.schema()
        variants = place_of("one").statement.prepared
        assert variants
        (known,) = [one for key, one in variants.items() if key[0] == "todo"]
        await path.execute(raw(known.prepare.partition("; ")[0]))
        marked.proxy.clear()
        return [await path.fetch_one(place_of("one")) for _ in range(2)]

    through(marked, lambda path: path.fetch_one(place_of("one")))
    assert through(marked, work) == [1, 1]
    assert kinds(marked) == ["PREPARE EXECUTE", "text", "EXECUTE"]


def test_a_column_of_another_type_is_told_by_the_next_response(marked: TestDatabase) -> None:
    """ "cached plan must not change result type", which a migration brings about."""

    async def work(path: Database) -> list[Any]:
        before = await path.fetch_one(place_of("one"))
        await asyncio.to_thread(marked.query, "ALTER TABLE marks ALTER place TYPE text")
        marked.proxy.clear()
        return [before, *[await path.fetch_one(place_of("one")) for _ in range(3)]]

    assert through(marked, work) == [1, "1", "1", "1"]
    assert kinds(marked) == ["EXECUTE", "text", "DEALLOCATE PREPARE EXECUTE", "EXECUTE"]


def test_a_transaction_is_done_again_in_plain_text_as_a_whole(marked: TestDatabase) -> None:
    attempts: list[str | None] = []

    async def write(transaction: Executor) -> None:
        attempts.append(await transaction.fetch_one(add(f"mark {len(attempts)}", 5, None)))
        if len(attempts) == 1:
            await transaction.execute(raw("DEALLOCATE ALL"))
        await transaction.execute(add("last", 6, None))

    async def work(path: Database) -> None:
        await path.fetch_one(add("before", 4, None))
        marked.proxy.clear()
        await path.transact(write)

    through(marked, work)
    assert attempts == ["mark 0", "mark 1"]
    assert kinds(marked) == ["EXECUTE", "DEALLOCATE", "EXECUTE", "text", "text", "text", "COMMIT"]
    assert marked.query("SELECT mark FROM marks ORDER BY place") == [("one",), ("before",), ("mark 1",), ("last",)]


def test_the_last_statement_of_a_transaction_too(marked: TestDatabase) -> None:
    async def work(path: Database) -> None:
        for turn in range(3):
            await path.transact(partial(_end, turn))

    through(marked, work)
    assert marked.query("SELECT mark FROM marks ORDER BY mark") == [("0",), ("1",), ("2",), ("one",)]


async def _end(turn: int, transaction: Any) -> None:
    await transaction.fetch_one(place_of("one"))
    if turn == 1 and transaction._prepares:
        await transaction.execute(raw("DEALLOCATE ALL"))
    transaction.at_end(add(str(turn), None, None))


def test_an_error_of_the_statement_stays_what_it_is_and_leaves_it_prepared(marked: TestDatabase) -> None:
    async def work(path: Database) -> None:
        await path.schema()
        marked.proxy.clear()
        for _ in range(2):
            with pytest.raises(UniqueViolationError):
                await path.execute(add("one", 1, None))

    through(marked, work)
    assert kinds(marked) == ["PREPARE EXECUTE", "EXECUTE"]


def test_a_connection_prepares_only_so_many(marked: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PREPARED_AT_MOST", 1)

    async def work(path: Database) -> None:
        await path.schema()
        marked.proxy.clear()
        for _ in range(2):
            assert await path.fetch_one(place_of("one")) == 1
            assert await path.fetch_one(at_place(1)) == "one"

    through(marked, work)
    assert kinds(marked) == ["PREPARE EXECUTE", "text", "EXECUTE", "text"]


def test_a_plan_of_an_empty_table_does_not_stay(marked: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PLANNED_ANEW", 20)

    async def plan(path: Database) -> str:
        return str(await path.fetch_all(raw(f"EXPLAIN EXECUTE {name_of(place_of('x'))}('x')")))

    async def work(path: Database) -> list[str]:
        for _ in range(10):
            await path.fetch_one(place_of("x"))
        await asyncio.to_thread(marked.query, "INSERT INTO marks SELECT 'm' || n, n FROM generate_series(1, 20000) n")
        before = await plan(path)
        for _ in range(10):
            await path.fetch_one(place_of("x"))
        return [before, await plan(path)]

    marked.query("DELETE FROM marks; ANALYZE marks")
    before, after = through(marked, work)
    assert "Seq Scan" in before
    assert "Index Scan" in after


def test_a_missing_grant_is_told_as_in_plain_text(marked: TestDatabase) -> None:
    """Of EXECUTE alone nobody sees which table it is."""
    marked.query("DROP ROLE IF EXISTS markless; CREATE ROLE markless LOGIN; GRANT USAGE ON SCHEMA todo TO markless")
    marked.query("GRANT SELECT ON marks TO markless")

    async def work(path: Database) -> None:
        assert await path.fetch_one(place_of("one")) == 1
        await asyncio.to_thread(marked.query, "REVOKE SELECT ON marks FROM markless")
        await path.fetch_one(place_of("one"))

    with pytest.raises(MissingGrantError, match=r"ON todo\.marks TO"):
        on(marked.proxied_url.replace("postgres@", "markless@"), work)


def test_a_migration_changes_types_while_requests_are_served(
    marked: TestDatabase, start_server: Callable[..., RunningServer]
) -> None:
    server = start_server(database=marked)
    with UserClient(server.url) as client:
        statuses: list[int] = []

        def ask() -> None:
            made = client.post(client.tasks, json={"title": "one"})
            path = f"{client.tasks}/{made.json()['id']}"
            asked = [client.get(path), client.get(client.tasks), client.patch(path, json={"status": "completed"})]
            statuses.extend(one.status_code for one in (made, *asked, client.delete(path)))

        ask()
        marked.proxy.clear()
        for kind in ("integer", "bigint"):
            marked.query(f"ALTER TABLE tasks ALTER version TYPE {kind}")
            for _ in range(3):
                ask()
        assert statuses == [201, 200, 200, 200, 204] * 7
        # The page of a list alone, whose rows come in columns, and once for each migration: a row in one column has no
        # other type than before.
        assert kinds(marked).count("DEALLOCATE PREPARE EXECUTE") == 2
        assert kinds(marked)[-5:] == ["EXECUTE"] * 5


@pytest.mark.parametrize(("told", "prepares"), [({}, True), ({"prepared_statements": False}, False)])
def test_a_setting_has_all_sent_in_plain_text(
    marked: TestDatabase, start_server: Callable[..., RunningServer], told: dict[str, bool], prepares: bool
) -> None:
    server = start_server(database=marked, **told)
    marked.proxy.clear()
    with UserClient(server.url) as client:
        client.create_task()
        assert client.get(client.tasks).status_code == 200
    assert any("EXECUTE" in kind for kind in kinds(marked)) == prepares
