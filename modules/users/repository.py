"""All SQL on users."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import case, delete, exists, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database import OWNER, prepared, statement
from core.database.errors import DatabaseUnavailableError
from core.problems import Problem, ProblemError
from core.resources import OwnedRepository
from core.resources.repository import matching
from modules.users.models import DeletedUser, User
from modules.users.schemas import UserUpdate


@prepared
@statement
def _find() -> SelectOfScalar[User]:
    return select(User).where(col(User.id) == OWNER)


@statement
def _rename(
    name: str | None, versions: list[int] | None, email: str | None, name_claim: str | None, issued_at: float | None
) -> ReturningUpdate[User]:
    """The new name stands above what the token says of it, which is seen herewith; a newer token's address is taken."""
    newer = issued_at > func.coalesce(col(User.claims_issued_at), float("-inf"))
    kept, seen = col(User.email), col(User.name_claim)
    return (
        update(User)
        .where(col(User.id) == OWNER, matching(col(User.version), versions))
        .values(name=name, version=col(User.version) + 1, updated_at=func.now())
        .values(email=case((newer, func.coalesce(email, kept)), else_=kept))
        .values(name_claim=case((newer, func.coalesce(name_claim, seen)), else_=func.coalesce(seen, name_claim)))
        .values(claims_issued_at=func.greatest(col(User.claims_issued_at), issued_at))
        .returning(User)
    )


@statement
def _take_over(
    email: str | None,
    name: str | None,
    name_claim: str | None,
    issued_at: float | None,
    version: int,
    known_at: float | None,
    *,
    shows: bool,
) -> ReturningUpdate[User]:
    """Writes a token's claims unless somebody else has written since the row was read with `version` and `known_at`."""
    unchanged = col(User.version) == version, col(User.claims_issued_at).is_not_distinct_from(known_at)
    change = update(User).where(col(User.id) == OWNER, *unchanged)
    change = change.values(email=email, name=name, name_claim=name_claim, claims_issued_at=issued_at)
    if shows:
        change = change.values(version=col(User.version) + 1, updated_at=func.now())
    return change.returning(User)


@statement
def _create(email: str | None, name: str | None, issued_at: float | None) -> ReturningInsert[User]:
    claims = {"email": email, "name": name, "name_claim": name, "claims_issued_at": issued_at}
    return insert(User).values(id=OWNER, **claims).on_conflict_do_nothing().returning(User)


@statement
def _remove(versions: list[int] | None) -> ReturningDelete[str]:
    return delete(User).where(col(User.id) == OWNER, matching(col(User.version), versions)).returning(col(User.id))


@statement
def _is_deleted() -> SelectOfScalar[bool]:
    return select(exists().where(col(DeletedUser.id) == OWNER))


@statement
def _mark_deleted() -> ReturningInsert[str]:
    return insert(DeletedUser).values(id=OWNER).on_conflict_do_nothing().returning(col(DeletedUser.id))


@statement
def _lock() -> SelectOfScalar[None]:
    # Deleting an account and making it must not overlap, or a late row outlives its tombstone. What it reads is one row
    # always, and takes it to where the owner's rows are: on the server that was asked it would exclude nobody who asks
    # another one.
    there = select(func.count()).where(col(DeletedUser.id) == OWNER).subquery()
    return select(func.pg_advisory_xact_lock(func.hashtextextended(OWNER, 0))).select_from(there)


class UserRepository(OwnedRepository):
    """The current user's row, made from the token's claims when it is first needed, and following them from then on.

    It follows where it is read and written over HTTP: nothing else shows the claims, so nothing else pays for them.
    """

    async def get(self) -> User:
        """Raises the 401 of a deleted account."""
        user = await self._find()
        try:
            return await self._follow(user)
        except DatabaseUnavailableError:  # what is there can be read where nothing can be written now
            return user

    async def change(self, changes: UserUpdate) -> User:
        """Writes what is present in `changes`. Raises the 401 of a deleted account."""
        if not changes.model_fields_set:
            return await self._follow(self._matched(await self._find()))
        token = self._principal
        issued_at = None if token.email is None and token.name is None else token.issued_at
        rename = _rename(changes.name, self._expected, token.email, token.name, issued_at)
        return await self._follow(await self._existing(lambda: self._write(rename, _find())))

    async def delete(self) -> None:
        """Removes the current user and everything they own; their tokens are rejected from then on.

        Raises the 401 of a deleted account, and ProblemError 412 where the row has another version.
        """
        if self._expected is not None:
            self._matched(await self._find())
        bound = self._principal, self._accounts, self._conditions
        await self._database.transact(lambda transaction: AccountRepository(transaction, *bound).delete())

    async def find_again(self, row_id: UUID | None) -> User | None:  # noqa: ARG002 (there is one row)
        """The current user, as it is now."""
        return await self._one(_find())

    async def _find(self) -> User:
        return await self._existing(lambda: self._one(_find()))

    async def _follow(self, user: User) -> User:
        """The row with what the token's claims change of it, written unless it knows them."""
        while (new := user.claimed(self._principal)) is not None:
            shows = (new.email, new.name) != (user.email, user.name)
            seen = user.version, user.claims_issued_at
            query = _take_over(new.email, new.name, new.name_claim, new.issued_at, *seen, shows=shows)
            written = await self._database.fetch_one(self._own(query))
            if written is not None:
                return written
            user = await self._find()
        return user

    async def _existing(self, attempt: Callable[[], Awaitable[User | None]]) -> User:
        user = await attempt()
        if user is None:
            await self._make_owner()
            user = await attempt()
        assert user is not None
        return user


class AccountRepository(OwnedRepository):
    """Whether an account exists, and its end. `create` and `delete` belong in a transaction."""

    async def reject_deleted(self) -> None:
        """Raises the 401 of a token whose account was deleted here."""
        if await self._database.fetch_one(self._own(_is_deleted())):
            raise _deleted()

    async def create(self) -> User | None:
        """Makes the row of the principal's claims if there is none, and gives it."""
        claims = self._principal.email, self._principal.name, self._principal.issued_at
        return await self._database.fetch_one(self._own(_create(*claims)))

    async def delete(self) -> None:
        """Removes the row, all that refers to it, and the way back. Raises as reject_deleted, and ProblemError 412."""
        await self.lock()
        if await self._database.fetch_one(self._own(_mark_deleted())) is None:
            raise _deleted()
        await self._write(_remove(self._expected), _find())

    async def lock(self) -> None:
        """Waits for whoever makes or deletes the same account; lasts until the transaction ends."""
        await self._database.execute(self._own(_lock()))


def _deleted() -> ProblemError:
    return ProblemError(Problem.ACCOUNT_DELETED, "The account of this token was deleted.", reason="account_deleted")
