"""The base of repositories: bound to one owner, it cannot reach anybody else's rows."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol, Self, TypeVar, overload
from uuid import UUID

from sqlalchemy import any_, exists, or_
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.errors import ForeignKeyViolationError
from core.database.executor import Executor
from core.database.ownership import OWNER
from core.database.queries import Query, on_the_spot
from core.database.statements import statement
from core.resources.changes import owner_of
from core.resources.models import Versioned, is_owner_constraint
from core.resources.preconditions import NONE, Conditions, StaleError
from core.resources.tombstones import Tombstone
from core.tokens.verifier import Principal

T = TypeVar("T")
U = TypeVar("U")
W = TypeVar("W")
V = TypeVar("V", bound=Versioned)
Found = TypeVar("Found", bound=Versioned | None)


class Accounts(Protocol):
    """What the users slice tells the repositories of all slices about their owner."""

    # How long it is known what was deleted.
    deletions_kept: timedelta

    async def reject_deleted(self, principal: Principal) -> None:
        """Raises the 401 of a token whose account was deleted here."""

    async def provision(self, principal: Principal) -> None:
        """Makes the user's row from the token's claims; raises as reject_deleted does."""


class UnknownOwnerError(Exception):
    """In a transaction: the owner has no row yet, so that nothing can be theirs."""


class NothingInsertedError(TypeError):
    """An INSERT gave no row though its owner is there."""


@statement
def _owner_is_known() -> SelectOfScalar[bool]:
    owner = owner_of(Tombstone)
    return select(exists(select(owner).where(owner == OWNER)))


class OwnedRepository:
    """Base of every repository of owned tables. Its methods run a query with the owner's id as OWNER.

    A row implies its user, so a known user costs nothing; only an empty response, or a row without a user to refer
    to, leads to a look at the user: a deleted account's token is rejected (401), a new subject's row is made. In a
    transaction it leads to nothing but UnknownOwnerError: a look would take a second connection.
    """

    # Whether a PUT with `If-None-Match: *` makes a row where there is none, as CrudRepository's does.
    puts = False

    def __init__(
        self, database: Executor, principal: Principal, accounts: Accounts, conditions: Conditions = NONE
    ) -> None:
        self._database = database
        self._principal = principal
        self._accounts = accounts
        self._conditions = conditions
        # The versions that the client's If-Match allows to be written; None for any.
        self._expected = conditions.versions

    async def find_again(self, row_id: UUID | None) -> Versioned | None:  # noqa: ARG002 (for those who have rows by id)
        """The row that a write gave, as it is now, for a client that repeats the write; None where there is none."""
        return None

    def _own(self, query: Query[T]) -> Query[T]:
        return query.for_owner(self._principal.user_id)

    async def _all(self, query: Query[T]) -> list[T]:
        rows = await self._database.fetch_all(self._own(query))
        if not rows and self._database.autocommit:
            await self._accounts.reject_deleted(self._principal)
        return rows

    async def _one(self, query: Query[T]) -> T | None:
        row = await self._database.fetch_one(self._own(query))
        if row is None and self._database.autocommit:
            await self._accounts.reject_deleted(self._principal)
        return row

    async def _write(self, query: Query[T], found: Query[V]) -> T | None:
        """Runs an UPDATE or DELETE … RETURNING that is limited by `matching`; None where there is no such row.

        `found` reads the row by itself: it tells a row of another version, which raises ProblemError 412.
        """
        row = await self._one(query)
        if row is None and self._expected is not None:
            current = await self._one(found)
            if current is not None:
                raise StaleError(current.version)
        return row

    def _matched(self, row: Found) -> Found:
        """A row that is to be written with nothing: the precondition holds for it as well."""
        if row is not None and self._expected is not None and row.version not in self._expected:
            raise StaleError(row.version)
        return row

    async def _insert(self, query: Query[T]) -> T:
        """Runs an INSERT … RETURNING; one that counts the change (see `changes`) gives no row where there is no owner.

        Raises UniqueViolationError, in a transaction UnknownOwnerError, and NothingInsertedError.
        """
        known = False
        while True:
            try:
                row = await self._database.fetch_one(self._own(query))
                if row is not None:
                    return row
                before, known = known, bool(await self._database.fetch_one(self._own(_owner_is_known())))
                if before and known:  # so it was while the row was not inserted
                    raise NothingInsertedError("ON CONFLICT DO NOTHING gives no row; call _insert_if_new")
                if known:
                    continue
            except ForeignKeyViolationError as error:
                if not is_owner_constraint(error.constraint):
                    raise
            await self._make_owner()

    async def _make_owner(self) -> None:
        """Makes the owner's row, for what is then done again. Raises the 401 of an account that was deleted meanwhile,
        so that this ends, and in a transaction UnknownOwnerError."""
        if not self._database.autocommit:
            raise UnknownOwnerError
        await self._accounts.provision(self._principal)

    async def _insert_if_new(self, query: Query[T]) -> T | None:
        """As `_insert`, for ON CONFLICT DO NOTHING: None where there was such a row."""
        try:
            return await self._insert(query)
        except NothingInsertedError:
            return None

    @overload
    async def _rows(self, source: TypedReturnsRows[T]) -> list[T]: ...
    @overload
    async def _rows(self, source: TypedReturnsRows[T, U]) -> list[tuple[T, U]]: ...
    @overload
    async def _rows(self, source: TypedReturnsRows[T, U, W]) -> list[tuple[T, U, W]]: ...
    async def _rows(self, source: Any) -> list[Any]:
        """All rows of a statement of SQLAlchemy that is written where it is needed, with its values, `in_()` included.

        It is compiled each time, which costs about a millisecond. Raises UnscopedStatementError without its OWNER.
        """
        return await self._all(on_the_spot(source))

    async def _together(self, work: Callable[[Self], Awaitable[T]]) -> T:
        """`work` with this repository in one transaction; all of it again where that met another, or a new owner.

        It must have no effect but in the transaction.
        """
        bound = self._principal, self._accounts, self._conditions
        while True:
            try:
                return await self._database.transact(lambda transaction: work(type(self)(transaction, *bound)))
            except UnknownOwnerError:
                await self._make_owner()


def matching(version: Any, expected: Any) -> Any:
    """The condition of an UPDATE or DELETE that `expected`, a parameter with versions or NULL for any, allows it."""
    return or_(version == any_(expected), expected.is_(None))
