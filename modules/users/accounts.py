"""The face of the users slice: what other slices and their repositories may ask about an account."""

from datetime import timedelta

from core.database.database import Database
from core.database.executor import Executor
from core.tokens.verifier import Principal
from modules.users.models import User
from modules.users.repository import AccountRepository


class UserAccounts:
    """Implements core.resources.repository.Accounts on the users' tables."""

    def __init__(self, database: Database, deletions_kept: timedelta = timedelta(days=30)) -> None:
        self._database = database
        self.deletions_kept = deletions_kept

    async def reject_deleted(self, principal: Principal) -> None:
        """Raises the 401 of a token whose account was deleted here."""
        await self._repository(self._database, principal).reject_deleted()

    async def provision(self, principal: Principal) -> None:
        """Makes the user's row from the token's claims, unless it exists; raises as reject_deleted does."""

        async def work(transaction: Executor) -> None:
            account = self._repository(transaction, principal)
            await account.lock()
            await account.reject_deleted()
            await account.create()

        await self._database.transact(work)

    async def create(self, transaction: Executor, principal: Principal) -> User | None:
        """Makes the row of a new account, as part of a transaction of whoever calls; None if there is one."""
        return await self._repository(transaction, principal).create()

    def _repository(self, database: Executor, principal: Principal) -> AccountRepository:
        return AccountRepository(database, principal, self)
