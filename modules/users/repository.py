"""All SQL on users."""

from collections.abc import Awaitable, Callable

from sqlalchemy import delete, exists, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.ownership import OWNER
from core.repository import OwnedRepository, matching
from core.statements import statement
from modules.users.models import DeletedUser, User
from modules.users.schemas import UserUpdate


@statement
def _find() -> SelectOfScalar[User]:
    return select(User).where(col(User.id) == OWNER)


@statement
def _rename(name: str | None, versions: list[int] | None) -> ReturningUpdate[User]:
    return (
        update(User)
        .where(col(User.id) == OWNER, matching(col(User.version), versions))
        .values(name=name, version=col(User.version) + 1, updated_at=func.now())
        .returning(User)
    )


@statement
def _create(email: str | None, name: str | None) -> ReturningInsert[User]:
    return insert(User).values(id=OWNER, email=email, name=name).on_conflict_do_nothing().returning(User)


@statement
def _remove(versions: list[int] | None) -> ReturningDelete[str]:
    return delete(User).where(col(User.id) == OWNER, matching(col(User.version), versions)).returning(col(User.id))


@statement
def _is_deleted() -> SelectOfScalar[bool]:
    return select(exists().where(col(DeletedUser.id) == OWNER))


@statement
def _bury() -> ReturningInsert[str]:
    return insert(DeletedUser).values(id=OWNER).on_conflict_do_nothing().returning(col(DeletedUser.id))


@statement
def _lock() -> SelectOfScalar[None]:
    # Deleting an account and making it must not overlap, or a late row outlives its tombstone.
    return select(func.pg_advisory_xact_lock(func.hashtextextended(OWNER, 0)))


class UserRepository(OwnedRepository):
    """The caller's own row, made from the token's claims when it is first needed."""

    async def get(self) -> User:
        """Raises the 401 of a deleted account."""
        return await self._existing(lambda: self._one(_find()))

    async def change(self, changes: UserUpdate) -> User:
        """Writes what is present in `changes`. Raises the 401 of a deleted account."""
        if not changes.model_fields_set:
            return self._matched(await self.get())
        rename = _rename(changes.name, self._expected)
        return await self._existing(lambda: self._write(rename, _find()))

    async def delete(self) -> None:
        """Removes the caller and everything they own. Raises the 401 of a deleted account."""
        if self._expected is not None:
            self._matched(await self.get())
        await self._accounts.delete(self._principal, self._expected)

    async def _existing(self, attempt: Callable[[], Awaitable[User | None]]) -> User:
        user = await attempt()
        if user is None:
            await self._accounts.provision(self._principal)
            user = await attempt()
        assert user is not None
        return user


class AccountRepository(OwnedRepository):
    """Whether an account exists, and its end. `create` and `delete` belong in a transaction of the caller's."""

    async def is_deleted(self) -> bool:
        """Whether the account was deleted here."""
        return bool(await self._database.fetch_one(self._own(_is_deleted())))

    async def create(self, email: str | None, name: str | None) -> User | None:
        """Makes the row if there is none, and gives it."""
        return await self._database.fetch_one(self._own(_create(email, name)))

    async def delete(self) -> bool:
        """Removes the row, all that refers to it, and the way back. False if that was done before."""
        if await self._database.fetch_one(self._own(_bury())) is None:
            return False
        await self._write(_remove(self._expected), _find())
        return True

    async def lock(self) -> None:
        """Waits for whoever makes or deletes the same account; lasts until the transaction ends."""
        await self._database.execute(self._own(_lock()))
