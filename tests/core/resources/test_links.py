"""Links between rows of one owner: attached once, detached once, and never to what is somebody else's."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import registry
from sqlalchemy.schema import CreateTable
from sqlmodel import Field, SQLModel

from core.database.database import Database
from core.database.executor import Executor
from core.problems import Problem, ProblemError
from core.resources import LinkRepository, Links, LinkTable, OwnedTable
from core.resources.models import OwnersTable, owner_keys
from core.resources.preconditions import NONE, Conditions
from core.tokens.verifier import Principal
from modules.users.accounts import UserAccounts
from tests.conftest import TestDatabase
from tests.core.database.database_path import on

T = TypeVar("T")
A, B, NOWHERE = UUID(int=1), UUID(int=2), UUID(int=3)


class _Apart(SQLModel, registry=registry()):
    """Tables that are no part of the product."""


class Owner(_Apart, OwnersTable, table=True):
    __tablename__ = "own_users"


class Sheet(_Apart, OwnedTable, table=True):
    __tablename__ = "own_sheets"


class Stamp(_Apart, OwnedTable, table=True):
    __tablename__ = "own_stamps"


class SheetStamp(_Apart, LinkTable, table=True):
    __tablename__ = "own_sheet_stamps"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(["user_id", "sheet_id"], ["own_sheets.user_id", "own_sheets.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["user_id", "stamp_id"], ["own_stamps.user_id", "own_stamps.id"], ondelete="CASCADE"),
        Index("ix_own_sheet_stamps_stamp_id", "user_id", "stamp_id", "sheet_id"),
    )

    sheet_id: UUID = Field(primary_key=True)
    stamp_id: UUID = Field(primary_key=True)


class SheetStamps(LinkRepository):
    links = Links(SheetStamp)


@pytest.fixture(scope="module")
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """Ada and Bob each have the sheet A and the stamp B."""
    database = make_database()
    for table in (Owner, Sheet, Stamp, SheetStamp):
        database.query(str(CreateTable(vars(table)["__table__"]).compile(dialect=postgresql.dialect())))  # type: ignore[no-untyped-call]
    database.query("INSERT INTO own_users (id) VALUES ('ada'), ('bob')")
    database.query("INSERT INTO own_sheets (user_id, id) SELECT id, %s FROM own_users", str(A))
    database.query("INSERT INTO own_stamps (user_id, id) SELECT id, %s FROM own_users", str(B))
    database.query("INSERT INTO deleted_users (id) VALUES ('gone')")
    return database


@pytest.fixture(autouse=True)
def _nothing_attached(own: TestDatabase) -> Iterator[None]:
    yield
    own.query("DELETE FROM own_sheet_stamps")


def by(own: TestDatabase, user: str, work: Callable[[SheetStamps], Awaitable[T]], conditions: Conditions = NONE) -> T:
    async def call(path: Database) -> T:
        return await work(SheetStamps(path, Principal(user, None, None), UserAccounts(path), conditions))

    return on(own.proxied_url, call)


def attached(own: TestDatabase) -> list[tuple[str, str, str]]:
    return own.query("SELECT user_id, sheet_id::text, stamp_id::text FROM own_sheet_stamps")


def test_attaching_is_done_once_and_so_is_detaching(own: TestDatabase) -> None:
    async def work(links: SheetStamps) -> list[Any]:
        made = [await links.attach(A, B), await links.attach(A, B)]
        assert attached(own) == [("ada", str(A), str(B))]
        return [*made, await links.detach(A, B), await links.detach(A, B)]

    assert by(own, "ada", work) == [1, 1, 1, None]
    assert attached(own) == []


def test_one_statement_attaches_and_one_detaches(own: TestDatabase) -> None:
    own.proxy.clear()
    by(own, "ada", lambda links: links.attach(A, B))
    by(own, "ada", lambda links: links.detach(A, B))
    assert [sql.split()[0] for sql in own.proxy.queries if "own_" in sql] == ["WITH", "WITH"]


@pytest.mark.parametrize("pair", [(A, NOWHERE), (NOWHERE, B), (B, A)])
def test_what_is_not_there_is_not_attached(own: TestDatabase, pair: tuple[UUID, UUID]) -> None:
    assert by(own, "ada", lambda links: links.attach(*pair)) is None
    assert by(own, "ada", lambda links: links.detach(*pair)) is None
    assert attached(own) == []


def test_nobody_reaches_somebody_elses_links(own: TestDatabase) -> None:
    by(own, "ada", lambda links: links.attach(A, B))
    assert by(own, "bob", lambda links: links.detach(A, B)) is None
    assert attached(own) == [("ada", str(A), str(B))]


@pytest.mark.parametrize("table", ["own_sheets", "own_stamps"])
def test_a_link_goes_with_either_row(own: TestDatabase, table: str) -> None:
    by(own, "bob", lambda links: links.attach(A, B))
    own.query(f"DELETE FROM {table} WHERE user_id = 'bob'")
    assert attached(own) == []
    own.query(f"INSERT INTO {table} (user_id, id) VALUES ('bob', %s)", str(A if table == "own_sheets" else B))


def test_each_is_a_change_of_the_owners_rows(own: TestDatabase) -> None:
    """Lists have the number of changes in their entity tags."""
    numbers = []
    for name in ("attach", "detach"):
        by(own, "ada", lambda links, name=name: getattr(links, name)(A, B))  # type: ignore[misc]
        numbers += own.query("SELECT change FROM own_users WHERE id = 'ada'")
    assert numbers[1][0] == numbers[0][0] + 1


def test_a_new_owner_has_nothing_to_attach_and_a_deleted_ones_token_is_dead(own: TestDatabase) -> None:
    for name in ("attach", "detach"):
        assert by(own, "new", lambda links, name=name: getattr(links, name)(A, B)) is None  # type: ignore[misc]
        with pytest.raises(ProblemError) as rejected:
            by(own, "gone", lambda links, name=name: getattr(links, name)(A, B))  # type: ignore[misc]
        assert rejected.value.problem is Problem.ACCOUNT_DELETED


def test_in_a_transaction_it_is_the_same(own: TestDatabase) -> None:
    async def in_one(path: Database) -> list[Any]:
        async def work(transaction: Executor) -> list[Any]:
            links = SheetStamps(transaction, Principal("ada", None, None), UserAccounts(path))
            return [await links.attach(A, B), await links.attach(A, B), await links.detach(A, B)]

        return await path.transact(work)

    assert on(own.proxied_url, in_one) == [1, 1, 1]


def test_a_link_has_no_version_that_could_match(own: TestDatabase) -> None:
    for name in ("attach", "detach"):
        with pytest.raises(ProblemError) as rejected:
            by(own, "ada", lambda links, name=name: getattr(links, name)(A, B), Conditions([1]))  # type: ignore[misc]
        assert rejected.value.problem is Problem.PRECONDITION_FAILED
    assert attached(own) == []


def test_the_owner_is_found_among_the_keys_of_its_column() -> None:
    """The owner's column is part of the keys to both rows as well."""
    column = vars(SheetStamp)["__table__"].columns.user_id
    assert sorted(key.target_fullname for key in column.foreign_keys) == [
        "own_sheets.user_id",
        "own_stamps.user_id",
        "own_users.id",
    ]
    assert [key.target_fullname for key in owner_keys(column)] == ["own_users.id"]
