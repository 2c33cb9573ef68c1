"""The repository that is born with its owner: it has no query that reaches anybody else's rows."""

from typing import Any, Protocol, TypeVar

from sqlalchemy import any_, or_

from core.database.errors import ForeignKeyViolationError
from core.database.executor import Executor
from core.database.statements import Query
from core.resources.models import Versioned, is_owner_constraint
from core.resources.preconditions import stale
from core.tokens.verifier import Principal

T = TypeVar("T")
V = TypeVar("V", bound=Versioned)
Found = TypeVar("Found", bound=Versioned | None)


class Accounts(Protocol):
    """What the users slice tells the repositories of all slices about their owner."""

    async def refuse_deleted(self, principal: Principal) -> None:
        """Raises the 401 of a token whose account was deleted here."""

    async def provision(self, principal: Principal) -> None:
        """Makes the user's row from the token's claims; raises as refuse_deleted does."""

    async def delete(self, principal: Principal, expected: list[int] | None) -> None:
        """Removes the user and everything they own, in one transaction; raises as refuse_deleted does.

        Raises ProblemError 412 where the row has another version than those `expected`; None allows any.
        """


class OwnedRepository:
    """Base of every repository of owned tables. Its methods run a query with the owner's id as OWNER.

    A row implies its user, so a known user costs nothing; only an empty answer, or a row without a user to refer
    to, leads to a look at the user: a deleted account's token is dead (401), a new subject's row is made. In a
    transaction it leads to nothing: a look would take a second connection, and core.http.idempotency has looked before.
    """

    def __init__(
        self, database: Executor, principal: Principal, accounts: Accounts, expected: list[int] | None = None
    ) -> None:
        self._database = database
        self._principal = principal
        self._accounts = accounts
        # The versions that the client's If-Match allows to be written; None for any.
        self._expected = expected

    def _own(self, query: Query[T]) -> Query[T]:
        return query.for_owner(self._principal.user_id)

    async def _all(self, query: Query[T]) -> list[T]:
        rows = await self._database.fetch_all(self._own(query))
        if not rows and self._database.autocommit:
            await self._accounts.refuse_deleted(self._principal)
        return rows

    async def _one(self, query: Query[T]) -> T | None:
        row = await self._database.fetch_one(self._own(query))
        if row is None and self._database.autocommit:
            await self._accounts.refuse_deleted(self._principal)
        return row

    async def _write(self, query: Query[T], found: Query[V]) -> T | None:
        """Runs an UPDATE or DELETE … RETURNING that is limited by `matching`; None where there is no such row.

        `found` reads the row by itself: it tells a row of another version, which raises ProblemError 412.
        """
        row = await self._one(query)
        if row is None and self._expected is not None:
            current = await self._one(found)
            if current is not None:
                raise stale(current.version, self._principal.tag)
        return row

    def _matched(self, row: Found) -> Found:
        """A row that is to be written with nothing: the precondition holds for it as well."""
        if row is not None and self._expected is not None and row.version not in self._expected:
            raise stale(row.version, self._principal.tag)
        return row

    async def _insert(self, query: Query[T]) -> T:
        """Runs an INSERT … RETURNING; one that counts the change (see `changes`) gives no row where there is no owner.

        Raises UniqueViolationError; in a transaction ForeignKeyViolationError for an owner without a row.
        """
        while True:
            try:
                row = await self._database.fetch_one(self._own(query))
                if row is not None:
                    return row
                if not self._database.autocommit:
                    raise ForeignKeyViolationError("no owner", constraint="fk_no_user_id_users")
            except ForeignKeyViolationError as error:
                if not (self._database.autocommit and is_owner_constraint(error.constraint)):
                    raise
            # Raises for an account that was deleted meanwhile, so this ends.
            await self._accounts.provision(self._principal)


def matching(version: Any, expected: Any) -> Any:
    """The condition of an UPDATE or DELETE that `expected`, a parameter with versions or NULL for any, allows it."""
    return or_(version == any_(expected), expected.is_(None))
