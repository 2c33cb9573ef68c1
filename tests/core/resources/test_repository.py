"""A repository reaches its owner's rows alone, and looks at the owner only where a response leaves it open."""

import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.database import Database
from core.database.errors import ForeignKeyViolationError, UniqueViolationError
from core.database.executor import Executor
from core.database.ownership import OWNER
from core.database.queries import Query
from core.database.statements import statement
from core.problems import Problem, ProblemError
from core.resources.preconditions import Conditions
from core.resources.repository import NothingInsertedError, OwnedRepository, UnknownOwnerError, matching
from core.tokens.verifier import Principal
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskCreate, TaskListQuery
from modules.users.accounts import UserAccounts
from modules.users.repository import UserRepository
from tests.conftest import TestDatabase
from tests.core.database.database_path import on, tried_once

T = TypeVar("T")


@statement
def _own() -> SelectOfScalar[Task]:
    return select(Task).where(col(Task.user_id) == OWNER).order_by(col(Task.title))


@statement
def _find(task_id: UUID) -> SelectOfScalar[Task]:
    return select(Task).where(col(Task.user_id) == OWNER, col(Task.id) == task_id)


@statement
def _add(task_id: UUID, title: str) -> ReturningInsert[Task]:
    return insert(Task).values(user_id=OWNER, id=task_id, title=title, status="pending").returning(Task)


@statement
def _add_if_new(task_id: UUID) -> ReturningInsert[UUID]:
    new = upsert(Task).values(user_id=OWNER, id=task_id, title="Water the plants", status="pending")
    return new.on_conflict_do_nothing().returning(col(Task.id))


@statement
def _rename(task_id: UUID, title: str, expected: list[int] | None) -> ReturningUpdate[str]:
    mine = update(Task).where(col(Task.user_id) == OWNER, col(Task.id) == task_id)
    changed = mine.where(matching(Task.version, expected)).values(title=title, version=col(Task.version) + 1)
    return changed.returning(col(Task.title))


@statement
def _remove(task_id: UUID, expected: list[int] | None) -> ReturningDelete[UUID]:
    mine = delete(Task).where(col(Task.user_id) == OWNER, col(Task.id) == task_id)
    return mine.where(matching(Task.version, expected)).returning(col(Task.id))


class Tasks(OwnedRepository):
    """One method for each that the base offers."""

    async def titles(self) -> list[str]:
        return [task.title for task in await self._all(_own())]

    async def title(self, task_id: UUID) -> str | None:
        task = self._matched(await self._one(_find(task_id)))
        return None if task is None else task.title

    async def add(self, task_id: UUID, title: str = "Water the plants") -> Task:
        return await self._insert(_add(task_id, title))

    async def add_if_new(self, task_id: UUID) -> UUID | None:
        return await self._insert_if_new(_add_if_new(task_id))

    async def add_as_new(self, task_id: UUID) -> UUID:
        return await self._insert(_add_if_new(task_id))

    async def rename(self, task_id: UUID, title: str) -> str | None:
        return await self._write(_rename(task_id, title, self._expected), _find(task_id))

    async def remove(self, task_id: UUID) -> UUID | None:
        return await self._write(_remove(task_id, self._expected), _find(task_id))


Work = Callable[[Database, UserAccounts], Awaitable[T]]


def given(database: TestDatabase, work: Work[T]) -> T:
    return on(database.proxied_url, lambda path: work(path, UserAccounts(path)))


def someone(email: str | None = None, name: str | None = None) -> Principal:
    return Principal(secrets.token_hex(16), email, name)


def tasks_of(principal: Principal, path: Executor, accounts: UserAccounts, expected: list[int] | None = None) -> Tasks:
    return Tasks(path, principal, accounts, Conditions(expected))


def test_two_owners_of_the_same_id_meet_only_their_own_row(own: TestDatabase) -> None:
    alice, bob, shared = someone(), someone(), uuid4()

    async def work(path: Database, accounts: UserAccounts) -> tuple[object, ...]:
        hers, his = tasks_of(alice, path, accounts), tasks_of(bob, path, accounts)
        await hers.add(shared, "hers")
        before = await his.titles(), await his.title(shared), await his.rename(shared, "x"), await his.remove(shared)
        await his.add(shared, "his")
        await his.rename(shared, "his, renamed")
        return before, await hers.titles(), await his.titles(), await his.remove(shared), await hers.title(shared)

    assert given(own, work) == (([], None, None, None), ["hers"], ["his, renamed"], shared, "hers")


def test_a_known_user_costs_one_round_trip_an_operation(own: TestDatabase) -> None:
    alice, task = someone(), uuid4()

    async def work(path: Database, accounts: UserAccounts) -> list[int]:
        repository = tasks_of(alice, path, accounts)
        await repository.add(uuid4())
        counts = []
        for operation in (
            lambda: repository.add(task),
            repository.titles,
            lambda: repository.title(task),
            lambda: repository.rename(task, "x"),
            lambda: repository.remove(task),
        ):
            own.proxy.clear()
            await operation()
            counts.append(len(own.proxy.queries))
        return counts

    assert given(own, work) == [1, 1, 1, 1, 1]


def test_an_empty_response_costs_one_look_at_the_user(own: TestDatabase) -> None:
    async def work(path: Database, accounts: UserAccounts) -> list[int]:
        repository, counts = tasks_of(someone(), path, accounts), []
        for operation in (repository.titles, lambda: repository.title(uuid4())):
            own.proxy.clear()
            assert not await operation()
            counts.append(len(own.proxy.queries))
        return counts

    assert given(own, work) == [2, 2]


def test_the_row_of_a_new_subject_is_made_from_the_claims_on_first_need(own: TestDatabase) -> None:
    new, task = someone(email="new@example.com", name="Nëw"), uuid4()
    stored = given(own, lambda path, accounts: tasks_of(new, path, accounts).add(task))
    assert (stored.user_id, stored.id, stored.title, stored.status) == (
        new.user_id,
        task,
        "Water the plants",
        "pending",
    )
    assert own.query("SELECT email, name FROM users WHERE id = %s", new.user_id) == [("new@example.com", "Nëw")]


@pytest.mark.parametrize("operation", ["titles", "title", "add", "rename", "remove"])
def test_the_token_of_a_deleted_account_is_dead_in_every_operation(own: TestDatabase, operation: str) -> None:
    gone, task = someone(), uuid4()

    async def work(path: Database, accounts: UserAccounts) -> None:
        repository = tasks_of(gone, path, accounts)
        await repository.add(task)
        await UserRepository(path, gone, accounts).delete()
        operations: dict[str, Callable[[], Awaitable[object]]] = {
            "titles": repository.titles,
            "title": lambda: repository.title(task),
            "add": lambda: repository.add(uuid4()),
            "rename": lambda: repository.rename(task, "x"),
            "remove": lambda: repository.remove(task),
        }
        await operations[operation]()

    with pytest.raises(ProblemError) as raised:
        given(own, work)
    assert (raised.value.problem, raised.value.reason) == (Problem.ACCOUNT_DELETED, "account_deleted")
    assert own.query("SELECT FROM tasks WHERE user_id = %s", gone.user_id) == []
    assert own.query("SELECT FROM users WHERE id = %s", gone.user_id) == []


def test_a_second_row_of_the_same_key_is_a_unique_violation(own: TestDatabase) -> None:
    alice, task = someone(), uuid4()

    async def work(path: Database, accounts: UserAccounts) -> None:
        repository = tasks_of(alice, path, accounts)
        await repository.add(task)
        await repository.add(task, "another")

    with pytest.raises(UniqueViolationError) as raised:
        given(own, work)
    assert (raised.value.sqlstate, raised.value.constraint) == ("23505", "pk_tasks")
    assert own.query("SELECT title FROM tasks WHERE user_id = %s", alice.user_id) == [("Water the plants",)]


def test_a_missing_row_that_is_not_the_owner_makes_no_user(make_database: Callable[[], TestDatabase]) -> None:
    database, alice = make_database(), someone()
    database.query("CREATE TABLE own_labels (name text PRIMARY KEY); INSERT INTO own_labels VALUES ('known')")
    database.query("ALTER TABLE tasks ADD CONSTRAINT fk_tasks_title_labels FOREIGN KEY (title) REFERENCES own_labels")
    given(database, lambda path, accounts: tasks_of(alice, path, accounts).add(uuid4(), "known"))
    database.proxy.clear()
    with pytest.raises(ForeignKeyViolationError) as raised:
        given(database, lambda path, accounts: tasks_of(alice, path, accounts).add(uuid4(), "unknown"))
    assert raised.value.constraint == "fk_tasks_title_labels"
    assert len(database.proxy.queries) == 1


def test_in_a_transaction_nothing_takes_a_second_connection(own: TestDatabase) -> None:
    new = someone()

    async def work(path: Database, accounts: UserAccounts) -> None:
        async with tried_once(path) as transaction:
            repository = tasks_of(new, transaction, accounts)
            assert (await repository.titles(), await repository.title(uuid4())) == ([], None)
            own.proxy.clear()
            await repository.add(uuid4())

    with pytest.raises(UnknownOwnerError):
        given(own, work)
    assert [sql.split()[0] for sql in own.proxy.queries] == ["INSERT", "ROLLBACK"]
    assert own.query("SELECT FROM users WHERE id = %s", new.user_id) == []


def test_in_a_transaction_a_counted_create_needs_the_owners_row(own: TestDatabase) -> None:
    """core.http.idempotency then makes it and begins again."""
    new = someone()

    async def work(path: Database, accounts: UserAccounts) -> None:
        async with tried_once(path) as transaction:
            await TaskRepository(transaction, new, accounts).create(TaskCreate(title="Nobody's"))

    with pytest.raises(UnknownOwnerError):
        given(own, work)
    assert own.query("SELECT FROM tasks WHERE user_id = %s", new.user_id) == []


@pytest.mark.parametrize("together", [False, True])
def test_what_is_made_where_there_is_none_is_made_once(own: TestDatabase, together: bool) -> None:
    """For a user who is new as well; whoever takes the second for new is told."""
    new, task = someone(), uuid4()

    async def work(path: Database, accounts: UserAccounts) -> list[object]:
        tasks = tasks_of(new, path, accounts)

        async def add(repository: Tasks) -> UUID | None:
            return await repository.add_if_new(task)

        made = [await (tasks._together(add) if together else add(tasks)) for _ in range(2)]
        with pytest.raises(NothingInsertedError, match="call _insert_if_new"):
            await tasks.add_as_new(task)
        return [*made]

    assert given(own, work) == [task, None]
    assert own.query("SELECT count(*) FROM tasks WHERE user_id = %s", new.user_id) == [(1,)]


def test_a_write_goes_through_for_an_expected_version_only(own: TestDatabase) -> None:
    alice, task = someone(), uuid4()

    async def work(path: Database, accounts: UserAccounts) -> list[object]:
        await tasks_of(alice, path, accounts).add(task)
        responses: list[object] = []
        for expected in ([1], [1], [], [5, 2], None):
            repository = tasks_of(alice, path, accounts, expected)
            for operation in (repository.title(task), repository.rename(task, "x")):
                try:
                    responses.append(await operation)
                except ProblemError as error:
                    responses.append((error.problem, getattr(error, "version", None)))
        return responses

    stale = (Problem.PRECONDITION_FAILED, 2)
    assert given(own, work) == ["Water the plants", "x", stale, stale, stale, stale, "x", "x", "x", "x"]
    assert own.query("SELECT version FROM tasks WHERE user_id = %s", alice.user_id) == [(4,)]


def test_a_row_that_is_not_there_has_no_version_to_be_stale(own: TestDatabase) -> None:
    async def work(path: Database, accounts: UserAccounts) -> tuple[object, ...]:
        repository = tasks_of(someone(), path, accounts, [1])
        return await repository.title(uuid4()), await repository.rename(uuid4(), "x"), await repository.remove(uuid4())

    assert given(own, work) == (None, None, None)


def test_an_empty_page_has_what_came_before_its_number(own: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is made between its two statements: under the tag of its number a client would keep it empty."""

    async def work(path: Database, accounts: UserAccounts) -> tuple[int | None, list[str]]:
        tasks = TaskRepository(path, someone(), accounts)
        read = path.fetch_all

        async def fetch_all(query: Query[T]) -> list[T]:
            rows = await read(query)
            monkeypatch.undo()
            await tasks.create(TaskCreate(title="Meanwhile"))
            return rows

        monkeypatch.setattr(path, "fetch_all", fetch_all)
        page = await tasks.list(TaskListQuery())
        return page.change, [task.title for task in page["items"]]

    assert given(own, work) == (1, ["Meanwhile"])
