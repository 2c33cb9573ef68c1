"""The tables are found in their own schema or in public, by one look; and found again where they have been moved."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator

import pytest
from sqlmodel import SQLModel

from core.database.database import Database
from core.database.errors import DatabaseUnavailableError, UndefinedObjectError
from core.database.migrations import head
from core.database.table_schema import MARKS, in_use
from core.database.table_schema import revision as revision_of
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.database.database_path import on
from tests.migrations.former import to_public
from tests.ownership_tripwire import unqualified, unscoped

# Another application: tables of our names and even of the usual names of constraints, with a history of its own.
ANOTHER = """
SET search_path = public;
CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0123456789ab');
CREATE TABLE users (id text CONSTRAINT pk_users PRIMARY KEY, email text, "emailVerified" boolean);
CREATE TABLE tasks (
    id text CONSTRAINT pk_tasks PRIMARY KEY, user_id text CONSTRAINT fk_tasks_user_id_users REFERENCES users);
INSERT INTO users VALUES ('theirs'); INSERT INTO tasks VALUES ('1', 'theirs');
"""


@pytest.fixture
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database of the test's own, with its tables in todo."""
    return make_database()


@pytest.fixture
def former(own: TestDatabase) -> TestDatabase:
    """The same with its tables in public."""
    to_public(own)
    return own


@pytest.fixture
def user(own: TestDatabase, start_server: Callable[..., RunningServer]) -> Iterator[UserClient]:
    """A user of a server on it that has just started."""
    with UserClient(start_server(database=own, readiness_max_age=0.2).url) as made:
        yield made


def move_to_todo(database: TestDatabase) -> None:
    names = [name for (name,) in database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    moves = "".join(f"ALTER TABLE public.{name} SET SCHEMA todo;" for name in names)
    database.query(f"CREATE SCHEMA todo; {moves}")


def use(user: UserClient) -> None:
    """Every kind of statement and transaction: tasks, a key, a profile, a search."""
    task = user.create_task()
    path = f"{user.tasks}/{task['id']}"
    assert user.patch(path, json={"status": "completed"}).status_code == 200
    for _ in range(2):
        made = user.post(user.tasks, json={"title": "Once"}, headers={"Idempotency-Key": f"key-{task['id']}"})
        assert made.status_code == 201
    assert len(user.get(user.tasks, params={"q": "once"}).json()["items"]) >= 1
    assert user.patch("/api/v1/users/me", json={"name": "Ada"}).status_code == 200
    assert user.delete(path).status_code == 204


def sent_to(database: TestDatabase) -> set[str]:
    """The schemas that the statements since `clear` named."""
    sent = list(database.proxy.queries)
    assert [sql for sql in sent if unscoped(sql) or unqualified(sql)] == []
    return {schema for schema in ("todo", "public") if any(f"{schema}." in sql for sql in sent)}


def test_the_marks_are_constraints_of_the_models() -> None:
    names = {str(one.name) for table in SQLModel.metadata.tables.values() for one in table.constraints}
    assert set(MARKS) <= names


@pytest.mark.parametrize(
    ("found", "expected"), [([], "todo"), (["todo"], "todo"), (["public"], "public"), (["public", "todo"], "todo")]
)
def test_our_own_schema_is_taken_unless_the_tables_are_in_public_alone(found: list[str], expected: str) -> None:
    assert in_use(found) == expected


def test_all_who_come_first_share_one_look(own: TestDatabase) -> None:
    async def work(path: Database) -> list[str | None]:
        return await asyncio.gather(*(path.fetch_one(revision_of()) for _ in range(20)))

    assert on(own.proxied_url, work) == [head()] * 20
    assert own.proxy.looks == 1
    assert sent_to(own) == {"todo"}


def test_a_new_database_is_used_in_its_own_schema(own: TestDatabase, user: UserClient) -> None:
    use(user)
    assert user.delete("/api/v1/users/me").status_code == 204
    assert (sent_to(own), own.proxy.looks) == ({"todo"}, 1)


def test_a_database_with_its_tables_in_public_goes_on_there(former: TestDatabase, user: UserClient) -> None:
    use(user)
    assert user.get("/health/ready").status_code == 200
    assert user.delete("/api/v1/users/me").status_code == 204
    assert (sent_to(former), former.proxy.looks) == ({"public"}, 1)


def test_tables_of_another_application_in_public_are_not_ours(own: TestDatabase, user: UserClient) -> None:
    own.query(ANOTHER)
    use(user)
    assert user.get("/health/ready").status_code == 200
    assert sent_to(own) == {"todo"}
    assert own.query("SELECT id FROM public.users") == [("theirs",)]
    assert own.query("SELECT id FROM public.tasks") == [("1",)]


@pytest.mark.parametrize("first", ["a read", "a write", "a key", "the profile", "a deletion"])
def test_tables_that_were_moved_are_found_without_a_restart(former: TestDatabase, user: UserClient, first: str) -> None:
    task = user.create_task()
    move_to_todo(former)
    former.query(ANOTHER)  # the names are free there
    keyed = {"Idempotency-Key": secrets.token_hex(8)}
    done = {
        "a read": lambda: user.get(f"{user.tasks}/{task['id']}"),
        "a write": lambda: user.post(user.tasks, json={"title": "Later"}),
        "a key": lambda: user.post(user.tasks, json={"title": "Later"}, headers=keyed),
        "the profile": lambda: user.patch("/api/v1/users/me", json={"name": "Ada"}),
        "a deletion": lambda: user.delete("/api/v1/users/me"),
    }[first]()
    assert done.status_code in (200, 201, 204), done.text
    former.proxy.clear()
    assert user.get(user.tasks).status_code == (401 if first == "a deletion" else 200)
    assert (sent_to(former), former.proxy.looks) == ({"todo"}, 2)
    assert former.query("SELECT id FROM public.users") == [("theirs",)]


def test_readiness_finds_them_too_beside_another_application(former: TestDatabase, user: UserClient) -> None:
    """Its version table is there, with a revision that is not ours; and a process that is not ready gets no request."""
    assert user.get("/health/ready").status_code == 200
    move_to_todo(former)
    former.query(ANOTHER)
    time.sleep(0.3)  # until the good result no longer holds
    assert user.get("/health/ready").status_code == 200
    assert former.proxy.looks == 2


def test_all_who_miss_the_tables_share_one_look(former: TestDatabase) -> None:
    async def work(path: Database) -> list[str | None]:
        await path.fetch_one(revision_of())
        await asyncio.to_thread(move_to_todo, former)
        return await asyncio.gather(*(path.fetch_one(revision_of()) for _ in range(20)))

    assert on(former.proxied_url, work) == [head()] * 20
    assert former.proxy.looks == 2


def test_where_nothing_was_moved_the_error_stands(own: TestDatabase) -> None:
    own.query("ALTER TABLE alembic_version RENAME TO hidden")

    async def work(path: Database) -> None:
        for _ in range(2):
            with pytest.raises(UndefinedObjectError) as raised:
                await path.fetch_one(revision_of())
            assert raised.value.sqlstate == "42P01"
        with pytest.raises(UndefinedObjectError):
            await path.transact(lambda transaction: transaction.fetch_one(revision_of()))

    on(own.proxied_url, work)
    assert own.proxy.looks == 4


def test_while_the_database_is_away_the_first_request_is_an_outage_and_the_next_looks_again(
    own: TestDatabase, user: UserClient
) -> None:
    own.proxy.refuse()
    for _ in range(2):
        assert_problem(user.get(user.tasks), 503, "database_unavailable")
    own.proxy.accept()
    use(user)


def test_whoever_waits_for_a_look_waits_no_longer_than_their_own_deadline(own: TestDatabase) -> None:
    async def work(path: Database) -> str | None:
        await path.fetch_one(revision_of())
        path._schema = None
        own.proxy.pause()
        outcomes = await asyncio.gather(*(path.fetch_one(revision_of()) for _ in range(5)), return_exceptions=True)
        assert [isinstance(one, DatabaseUnavailableError) for one in outcomes] == [True] * 5
        own.proxy.resume()
        return await path.fetch_one(revision_of())

    assert on(own.proxied_url, work, timeout=1) == head()
