"""The repository that is born with its owner: it has no query that reaches anybody else's rows."""

from typing import Protocol, TypeVar

from core.database import Executor
from core.database_errors import ForeignKeyViolationError
from core.models import OWNER_CONSTRAINT
from core.security import Principal
from core.statements import Query

T = TypeVar("T")


class Accounts(Protocol):
    """What the users slice tells the repositories of all slices about their owner."""

    async def refuse_deleted(self, principal: Principal) -> None:
        """Raises the 401 of a token whose account was deleted here."""

    async def provision(self, principal: Principal) -> None:
        """Makes the user's row from the token's claims; raises as refuse_deleted does."""

    async def delete(self, principal: Principal) -> None:
        """Removes the user and everything they own, in one transaction; raises as refuse_deleted does."""


class OwnedRepository:
    """Base of every repository of owned tables. Its methods run a query with the owner's id as OWNER.

    A row implies its user, so a known user costs nothing; only an empty answer, or a row without a user to refer
    to, leads to a look at the user: a deleted account's token is dead (401), a new subject's row is made.
    """

    def __init__(self, database: Executor, principal: Principal, accounts: Accounts) -> None:
        self._database = database
        self._principal = principal
        self._accounts = accounts

    def _own(self, query: Query[T]) -> Query[T]:
        return query.for_owner(self._principal.user_id)

    async def _all(self, query: Query[T]) -> list[T]:
        rows = await self._database.fetch_all(self._own(query))
        if not rows:
            await self._accounts.refuse_deleted(self._principal)
        return rows

    async def _one(self, query: Query[T]) -> T | None:
        row = await self._database.fetch_one(self._own(query))
        if row is None:
            await self._accounts.refuse_deleted(self._principal)
        return row

    async def _insert(self, query: Query[T]) -> T:
        """Runs an INSERT … RETURNING. Raises UniqueViolationError."""
        try:
            row = await self._database.fetch_one(self._own(query))
        except ForeignKeyViolationError as error:
            if not OWNER_CONSTRAINT.fullmatch(error.constraint or ""):
                raise
            await self._accounts.provision(self._principal)
            row = await self._database.fetch_one(self._own(query))
        assert row is not None
        return row
