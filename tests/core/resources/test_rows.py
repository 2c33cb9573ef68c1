"""What a slice declares of its rows, and what it may write on the spot."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, Computed, Date, Integer, Text, func, literal_column
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, select

from core.database.database import Database
from core.database.ownership import OWNER, UnscopedStatementError
from core.database.statements import CATALOGUE
from core.problems import Problem, ProblemError
from core.resources import (
    Changes,
    ChangesQuery,
    CrudRepository,
    InputModel,
    ListQuery,
    OwnedRepository,
    OwnedTable,
    Rows,
    Timestamps,
    Versioned,
)
from core.resources.filters import Filter, Filters
from core.resources.pagination import check_of, decode, encode
from core.resources.preconditions import Conditions, StaleError, Tags
from core.tokens.verifier import Principal
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskCreate, TaskReplace
from modules.users.accounts import UserAccounts
from tests.conftest import TestDatabase
from tests.core.database.database_path import on

T = TypeVar("T")
SOMEBODY = Principal("somebody", None, None)


class Written(OwnedRepository):
    """Statements that are written where they are needed."""

    async def of_ids(self, ids: list[UUID]) -> list[Task]:
        mine = select(Task).where(col(Task.user_id) == OWNER, col(Task.id).in_(ids))
        return await self._rows(mine.order_by(col(Task.title)))

    async def titles(self) -> list[tuple[str, int]]:
        counted = select(Task.title, func.count()).where(col(Task.user_id) == OWNER, col(Task.title) != "it's 100 %")
        return await self._rows(counted.group_by(col(Task.title)).order_by(col(Task.title)))

    async def nested(self) -> list[str]:
        return await self._together(lambda repository: repository.twice(fails=False))

    async def everybodys(self) -> list[Task]:
        return await self._rows(select(Task))

    async def twice(self, fails: bool) -> list[str]:
        async def work(repository: "Written") -> list[str]:
            tasks = TaskRepository(repository._database, repository._principal, repository._accounts)
            one = await tasks.create(TaskCreate(title="one"))
            if fails:
                raise RuntimeError
            return [one.title, (await tasks.create(TaskCreate(title="two"))).title]

        return await self._together(work)


def by(database: TestDatabase, user: str, work: Callable[[Written, TaskRepository], Awaitable[T]]) -> T:
    async def call(path: Database) -> T:
        bound = Principal(user, None, None), UserAccounts(path)
        return await work(Written(path, *bound), TaskRepository(path, *bound))

    return on(database.proxied_url, call)


def test_a_statement_that_is_written_on_the_spot_gives_the_owners_rows(database: TestDatabase) -> None:
    async def work(written: Written, tasks: TaskRepository) -> tuple[Any, ...]:
        made = [await tasks.create(TaskCreate(title=title)) for title in ("b", "a", "b", "it's 100 %")]
        found = await written.of_ids([made[0].id, made[1].id, uuid4()])
        return [made[1], made[0]] == found, await written.of_ids([]), await written.titles()

    assert by(database, "on the spot", work) == (True, [], [("a", 1), ("b", 2)])

    async def others(written: Written, _: TaskRepository) -> list[tuple[str, int]]:
        return await written.titles()

    assert by(database, "another", others) == []


def test_what_is_written_on_the_spot_needs_its_owner(database: TestDatabase) -> None:
    database.proxy.clear()
    with pytest.raises(UnscopedStatementError, match="A statement on tasks has no owner"):
        by(database, "careless", lambda written, _: written.everybodys())
    assert database.proxy.queries == []


def test_what_is_done_together_is_done_or_not_and_makes_its_user(database: TestDatabase) -> None:
    assert by(database, "together", lambda written, _: written.twice(fails=False)) == ["one", "two"]
    with pytest.raises(RuntimeError):
        by(database, "together", lambda written, _: written.twice(fails=True))
    assert database.query("SELECT count(*) FROM tasks WHERE user_id = 'together'") == [(2,)]
    database.proxy.clear()
    assert by(database, "together", lambda written, _: written.nested()) == ["one", "two"]
    assert [sql.split()[0] for sql in database.proxy.queries] == ["BEGIN;", "WITH", "COMMIT"]


def test_a_row_of_the_clients_own_id_is_put_in_a_transaction_as_well(database: TestDatabase) -> None:
    """Of somebody without a row, which a transaction does not make by itself."""
    task_id = uuid4()

    async def work(written: Written, _: TaskRepository) -> tuple[Any, ...]:
        bound = written._principal, written._accounts, Conditions(absent=True)
        tasks = TaskRepository(written._database, *bound)
        made = await tasks._together(lambda repository: repository.replace(task_id, TaskReplace(title="put")))
        with pytest.raises(StaleError):
            await tasks.replace(task_id, TaskReplace(title="again"))
        return made, await tasks.get(task_id), await written.find_again(task_id)

    made, found, unknown = by(database, "puts", work)
    assert (made, made.version, unknown) == (found, 1, None)


def test_a_field_without_a_column_is_named(database: TestDatabase) -> None:
    class More(TaskCreate):
        hue: str = "green"

    with pytest.raises(TypeError, match=r"repository\.Task\.create \(.*repository\.py:\d+\): hue: no column of tasks"):
        by(database, "more", lambda _, tasks: tasks.create(More(title="x")))


def test_a_sort_that_could_lose_rows_is_named_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match=r"sort due_at: NULL has no place in an order; write func.coalesce\(column"):
        Rows(Task, sorts={"due_at": SOMETIMES})
    with pytest.raises(TypeError, match="sort title: give the function its type"):
        Rows(Task, sorts={"title": func.lower(col(Task.title))})


SOMETIMES = col(Task.due_at)


class _Apart(SQLModel, registry=registry()):
    """Tables that are no part of the product."""


class Label(_Apart, Versioned, OwnedTable, table=True):
    """A row that knows no time, with a column that PostgreSQL computes."""

    __tablename__ = "own_labels"

    text: str = Field(sa_type=Text)
    length: int = Field(sa_column=Column(Integer, Computed("char_length(text)", persisted=True), nullable=False))


class Note(_Apart, Timestamps, Versioned, OwnedTable, table=True):
    """A row whose changes nobody syncs."""

    __tablename__ = "own_notes"

    text: str = Field(sa_type=Text)


class LabelText(InputModel):
    text: str


class Labels(CrudRepository[Label]):
    rows = Rows(Label, sorts={"text": col(Label.text)})


class Followed(TaskRepository):
    """The feed as a part of something that is done together."""

    async def feed(self) -> Changes[Task]:
        return await self._together(lambda repository: repository.changes(ChangesQuery()))


def test_the_feed_of_a_new_owner_takes_no_second_connection_in_a_transaction(database: TestDatabase) -> None:
    async def work(path: Database) -> Changes[Task]:
        return await Followed(path, Principal("follows", None, None), UserAccounts(path)).feed()

    page = on(database.proxied_url, work, pool_size=1, timeout=2)
    assert (page["items"], page["deleted"], page["has_more"]) == ([], [], False)


def test_what_is_done_together_within_such_takes_no_second_connection(database: TestDatabase) -> None:
    """For a new owner: the outer one makes the row, and all is done again."""

    async def work(path: Database) -> list[str]:
        return await Written(path, Principal("nested and new", None, None), UserAccounts(path)).nested()

    assert on(database.proxied_url, work, pool_size=1, timeout=2) == ["one", "two"]


def test_a_table_needs_neither_times_nor_change_numbers(make_database: Callable[[], TestDatabase]) -> None:
    database = make_database()
    database.query(
        "CREATE TABLE todo.own_labels (user_id text, id uuid, version bigint DEFAULT 1, text text NOT NULL,"
        " length int GENERATED ALWAYS AS (char_length(text)) STORED, PRIMARY KEY (user_id, id))"
    )

    async def work(path: Database) -> tuple[Any, ...]:
        labels = Labels(path, Principal("labels", None, None), UserAccounts(path))
        made = [await labels.create(LabelText(text=text)) for text in ("b", "a")]
        changed = await labels.change(made[0].id, LabelText(text="cc"))
        page = await labels.list(ListQuery(sort="-text", include_total=True))
        assert await labels.delete(made[1].id) == made[1].id
        assert (page.change, Labels.puts) == (None, False)
        return changed, [label.text for label in page["items"]], page["total"], await labels.get(made[1].id)

    changed, texts, total, gone = on(database.proxied_url, work)
    assert (changed.version, changed.text, texts, total, gone) == (2, "cc", ["cc", "a"], 2, None)
    assert (changed.length, Labels.rows.sql.writable()) == (2, ("text",))


def test_times_without_change_numbers_are_those_of_the_statement() -> None:
    rows = Rows(Note)
    (changed, made) = rows.change(uuid4(), {"text": "x"}, None), rows.create({"text": "x"})
    assert "own_notes.version + %(version_1)s), updated_at=now(), text" in changed.statement.texts["todo"]
    assert "now() AS now_1, now() AS now__1" in made.statement.texts["todo"]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        (literal_column("x", Integer), "-5", "5x"),
        (literal_column("x", Date), date(2030, 2, 28).isoformat(), "2030-02-30"),
        (literal_column("x", Text), "whatever", "\0"),
        (col(Task.created_at), "2030-02-28T00:00:00+00:00", "2030-02-28T00:00:00"),
        (col(Task.id), str(UUID(int=1)), "1234"),
    ],
)
def test_a_cursor_has_a_value_of_its_sort(key: Any, good: str, bad: str) -> None:
    check, row = check_of("x", key), uuid4()
    assert decode(encode("x", good, row), "x", check) == (good, row)
    with pytest.raises(ProblemError) as rejected:
        decode(encode("x", bad, row), "x", check)
    assert rejected.value.problem is Problem.VALIDATION_FAILED


def test_a_table_has_a_sort_and_no_filter_unless_it_says_so() -> None:
    rows = Rows(Task)
    query = rows.page(ListQuery(limit=3))
    assert list(rows.sorts) == ["created_at"]
    assert query.values == {"p_limit": 4}
    assert "ORDER BY todo.tasks.created_at DESC, todo.tasks.id DESC" in query.statement.texts["todo"]


def test_a_tag_without_a_schema_is_one_of_version_and_owner() -> None:
    assert (Tags(None).of(7, "owner"), Tags(None).of_row("owner")) == ('"7-owner"', '-owner"')


def test_what_is_false_or_nought_is_filtered_by_as_well() -> None:
    class Query(ListQuery):
        archived: bool | None = None
        size: int | None = None
        tag: list[str] | None = None

    filters = Filters({name: Filter(lambda value: value) for name in ("archived", "size", "tag")})
    assert filters.chosen(Query(archived=False, size=0)) == (("archived", "size"), [False, 0])
    assert filters.chosen(Query()) == ((), [])


def test_the_id_breaks_the_ties_of_every_page() -> None:
    """Also where rows come from an index that does not happen to have it: without it a walk could lose some of them."""
    pages = [one for name, one in CATALOGUE.items() if re.fullmatch(r"modules\..*\.(page|changes)", name)]
    found = [(one.compiled(**variant).texts["todo"], variant) for one in pages for variant in one.variants()]
    assert len(found) > 20
    for text, variant in found:
        told = text.rpartition(" ORDER BY ")[2]
        assert "WHERE" not in told, text
        order = told.partition("LIMIT")[0].split(", ")
        down = " DESC" if variant.get("sort", "").startswith("-") else ""
        assert len(order) > 1, text
        assert re.fullmatch(rf"[\w.]+\.id{down}", order[-1].strip()), text
