"""Transactions that meet: PostgreSQL undoes one (40001, 40P01, XX000): it is done again, unseen by the client."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

import core.database.database
from core.database.database import Database
from core.database.errors import TransactionConflictError
from core.database.executor import Executor
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.database.database_path import PREPARE, lock, note, notes, on

# A sequence counts on when a transaction is undone: the first so many writes of a table fail.
CONFLICTS = """
CREATE SEQUENCE tries;
CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('todo.tries') <= TG_ARGV[0]::integer THEN RAISE EXCEPTION USING ERRCODE = TG_ARGV[1]; END IF;
    RETURN NEW;
END $$;
"""
AT_ONCE = "CREATE TRIGGER conflict BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION conflict({args})"
AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER conflict AFTER INSERT OR UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION conflict({args})"
)
TRIES = 1 + core.database.database.TRIES_AGAIN

Meet = Callable[[str, str, int, str], None]


@pytest.fixture(scope="module")
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database in which writes fail as often as a test says."""
    database = make_database()
    database.query(PREPARE)
    database.query(CONFLICTS)
    return database


@pytest.fixture
def meet(own: TestDatabase) -> Iterator[Meet]:
    """From now on the next `times` writes of a table meet another transaction: `meet(AT_ONCE, "tasks", 2, "40001")`."""
    made: list[str] = []

    def arrange(trigger: str, table: str, times: int, state: str) -> None:
        own.query("ALTER SEQUENCE tries RESTART")
        own.query(trigger.format(table=table, args=f"{times}, '{state}'"))
        made.append(table)

    yield arrange
    for table in made:
        own.query(f"DROP TRIGGER conflict ON {table}")


def tried(own: TestDatabase) -> int:
    ((count,),) = own.query("SELECT last_value FROM tries")
    return int(count)


async def write(executor: Executor, text: str) -> str | None:
    return await executor.fetch_one(note(text, None))


each_way = pytest.mark.parametrize("trigger", [AT_ONCE, AT_COMMIT], ids=["at once", "at COMMIT"])
each_state = pytest.mark.parametrize("state", ["40001", "40P01", "XX000"])


@each_way
@each_state
def test_what_met_another_transaction_is_done_again(own: TestDatabase, meet: Meet, trigger: str, state: str) -> None:
    meet(trigger, "own_notes", TRIES - 1, state)
    own.query("TRUNCATE own_notes")
    assert on(own.url, lambda path: path.transact(lambda one: write(one, "in a transaction"))) == "in a transaction"
    assert (notes(own), tried(own)) == (["in a transaction"], TRIES)
    own.query("ALTER SEQUENCE tries RESTART")
    assert on(own.url, lambda path: write(path, "alone")) == "alone"
    assert (notes(own), tried(own)) == (["alone", "in a transaction"], TRIES)


@each_way
def test_what_meets_others_for_ever_is_an_outage(own: TestDatabase, meet: Meet, trigger: str) -> None:
    meet(trigger, "own_notes", 1000, "40001")
    own.query("TRUNCATE own_notes")

    async def work(path: Database) -> None:
        for attempt in (path.transact(lambda one: write(one, "never")), write(path, "never")):
            with pytest.raises(TransactionConflictError):
                await attempt

    on(own.url, work)
    assert (notes(own), tried(own)) == ([], 2 * TRIES)


def test_two_transactions_that_block_each_other_are_both_done(own: TestDatabase) -> None:
    own.query("TRUNCATE own_notes")

    async def both_locks(path: Database, first: int, second: int, met: asyncio.Event) -> str | None:
        async def work(transaction: Executor) -> str | None:
            await transaction.execute(lock(first))
            if not met.is_set():  # the first time they meet
                await asyncio.sleep(0.2)
                met.set()
            await transaction.execute(lock(second))
            return await write(transaction, f"{first} then {second}")

        return await path.transact(work)

    async def meet_once(path: Database) -> tuple[str | None, str | None]:
        met = asyncio.Event()
        one, other = await asyncio.gather(both_locks(path, 1, 2, met), both_locks(path, 2, 1, met))
        return one, other

    assert on(own.url, meet_once) == ("1 then 2", "2 then 1")
    assert notes(own) == ["1 then 2", "2 then 1"]


@pytest.mark.parametrize("key", [None, "a-key"])
@each_state
def test_a_client_sees_nothing_of_it(
    own: TestDatabase, meet: Meet, start_server: Callable[..., RunningServer], key: str | None, state: str
) -> None:
    server = start_server(database=own)
    with UserClient(server.url) as user:
        meet(AT_ONCE, "tasks", TRIES - 1, state)
        headers = {} if key is None else {"Idempotency-Key": key}
        made = user.post(user.tasks, json={"title": "Once"}, headers=headers)
        assert made.status_code == 201
        assert user.get(user.tasks).json()["items"] == [made.json()]
        own.query("ALTER SEQUENCE tries RESTART")
        changed = user.patch(f"{user.tasks}/{made.json()['id']}", json={"status": "completed"})
        assert (changed.status_code, changed.headers["etag"]) == (200, user.etag(2))


def test_what_does_not_end_is_told_as_any_outage(
    own: TestDatabase, meet: Meet, start_server: Callable[..., RunningServer]
) -> None:
    server = start_server(database=own)
    with UserClient(server.url) as user:
        meet(AT_ONCE, "tasks", 1000, "40001")
        assert_problem(user.post(user.tasks, json={"title": "Never"}), 503, "database_unavailable")
        assert user.get(user.tasks).json()["items"] == []
