"""All SQL on local accounts, their sessions and the throttle."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import ARRAY, Delete, Insert, case, delete, func, insert, literal, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlmodel import col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.database import found_once, statement
from core.database.executor import Executor
from core.resources import TIMESTAMP
from modules.auth.models import LocalAccount, LocalSession, SignInThrottle

# Rows of the throttle that are removed with each sign-in, so that the table stays small without a worker.
SWEPT = 20
# Times at which tokens of a session were replaced, if the last one was lately: as many tabs may open at once.
KEPT = 50


@statement
def _add_account(user_id: str, email_key: str, password_hash: str) -> Insert:
    return insert(LocalAccount).values(user_id=user_id, email_key=email_key, password_hash=password_hash)


@statement
def _account_by_email(email_key: str) -> SelectOfScalar[LocalAccount]:
    return select(LocalAccount).where(col(LocalAccount.email_key) == email_key)


@statement
def _account_by_user(user_id: str) -> SelectOfScalar[LocalAccount]:
    return select(LocalAccount).where(col(LocalAccount.user_id) == user_id)


@statement
def _set_password(user_id: str, known: str, password_hash: str) -> ReturningUpdate[str]:
    account = col(LocalAccount.user_id) == user_id, col(LocalAccount.password_hash) == known
    changed = update(LocalAccount).where(*account).values(password_hash=password_hash, updated_at=func.now())
    return changed.returning(col(LocalAccount.user_id))


@statement
def _add_session(
    session_id: UUID, user_id: str, known: str, token_hash: bytes, life: timedelta
) -> ReturningInsert[str]:
    """Waits for whoever changes the password, and has whoever changes it wait: they end every session that there is."""
    account = col(LocalAccount.user_id) == user_id, col(LocalAccount.password_hash) == known
    made: Any = session_id, LocalAccount.user_id, token_hash, func.now() + life
    values = sqlalchemy.select(*made).where(*account).with_for_update(read=True)
    new = insert(LocalSession).from_select(["id", "user_id", "token_hash", "expires_at"], values)
    return new.returning(col(LocalSession.user_id))


@statement
def _rotate(
    session_id: UUID, old_hash: bytes, new_hash: bytes, life: timedelta, grace: timedelta
) -> ReturningUpdate[str]:
    used: Any = LocalSession.rotated_at
    lately = case((used[1] > func.now() - grace, used[1 : KEPT - 1]), else_=literal([], ARRAY(TIMESTAMP)))
    return (
        update(LocalSession)
        .where(
            col(LocalSession.id) == session_id,
            col(LocalSession.token_hash) == old_hash,
            col(LocalSession.expires_at) > func.now(),
        )
        .values(token_hash=new_hash, previous_hash=old_hash, expires_at=func.now() + life)
        .values(rotated_at=func.array_prepend(func.now(), lately))
        .returning(col(LocalSession.user_id))
    )


@statement
def _session(session_id: UUID, grace: timedelta) -> Select[LocalSession, int]:
    """The session, and how many of its tokens were used for the first time within `grace`."""
    used = func.unnest(LocalSession.rotated_at, type_=TIMESTAMP).column_valued("used")
    lately = select(func.count(used)).where(used > func.now() - grace)
    return select(LocalSession, lately.scalar_subquery()).where(
        col(LocalSession.id) == session_id, col(LocalSession.expires_at) > func.now()
    )


@statement
def _end_session(session_id: UUID) -> Delete:
    return delete(LocalSession).where(col(LocalSession.id) == session_id)


@statement
def _end_other_sessions(user_id: str, kept: UUID | None) -> Delete:
    return delete(LocalSession).where(col(LocalSession.user_id) == user_id, col(LocalSession.id).is_distinct_from(kept))


@statement
def _sweep_sessions(user_id: str) -> Delete:
    return delete(LocalSession).where(col(LocalSession.user_id) == user_id, col(LocalSession.expires_at) < func.now())


@statement
def _attempt(key: str, spacing: timedelta, allowance: timedelta) -> ReturningInsert[bool, Decimal]:
    """Counts a try, unless the allowance is used up; gives whether it was allowed, and else the seconds to wait.

    One statement, so that parallel tries of all processes count one by one.
    """
    settled = func.greatest(col(SignInThrottle.settled_at), func.now())
    allowed = settled + spacing <= func.now() + allowance
    first = upsert(SignInThrottle).values(key=key, settled_at=func.now() + spacing, allowed=True)
    return first.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "allowed": allowed,
            "settled_at": case((allowed, settled + spacing), else_=col(SignInThrottle.settled_at)),
        },
    ).returning(
        col(SignInThrottle.allowed),
        func.extract("epoch", col(SignInThrottle.settled_at) + spacing - allowance - func.now()),
    )


@statement
def _forgive(key: str) -> Delete:
    return delete(SignInThrottle).where(col(SignInThrottle.key) == key)


@statement
def _sweep_throttles() -> Delete:
    settled = (
        select(SignInThrottle.key)
        .where(col(SignInThrottle.settled_at) < func.now())
        .limit(SWEPT)
        .with_for_update(skip_locked=True)
    )
    return delete(SignInThrottle).where(found_once(col(SignInThrottle.key), settled))


class AuthRepository:
    """Local accounts, before anybody is known: each method takes what it is about. Runs in a transaction or without."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def add_account(self, user_id: str, email: str, password_hash: str) -> None:
        """Raises UniqueViolationError where the address has an account."""
        await self._database.execute(_add_account(user_id, _key(email), password_hash))

    async def account_by_email(self, email: str) -> LocalAccount | None:
        """The account with that address, in whatever case."""
        return await self._database.fetch_one(_account_by_email(_key(email)))

    async def account_by_user(self, user_id: str) -> LocalAccount | None:
        """The account of a user; users of Better Auth have none."""
        return await self._database.fetch_one(_account_by_user(user_id))

    async def set_password(self, user_id: str, known: str, password_hash: str, kept: UUID | None) -> bool:
        """Stores the new hash and ends every session but `kept`; False where `known` is not the hash any more."""
        if await self._database.fetch_one(_set_password(user_id, known, password_hash)) is None:
            return False
        await self._database.execute(_end_other_sessions(user_id, kept))
        return True

    async def add_session(self, session_id: UUID, user_id: str, known: str, token_hash: bytes, life: timedelta) -> bool:
        """Begins a session, and removes the user's expired ones; False where `known` is not the hash any more."""
        if await self._database.fetch_one(_add_session(session_id, user_id, known, token_hash, life)) is None:
            return False
        await self._database.execute(_sweep_sessions(user_id))
        return True

    async def rotate(
        self, session_id: UUID, old_hash: bytes, new_hash: bytes, life: timedelta, grace: timedelta
    ) -> str | None:
        """Replaces the session's token and gives its user; None if `old_hash` is not the newest, or is expired."""
        return await self._database.fetch_one(_rotate(session_id, old_hash, new_hash, life, grace))

    async def session(self, session_id: UUID, grace: timedelta) -> tuple[LocalSession, int] | None:
        """The session unless it is expired, and how many of its tokens were replaced within `grace`."""
        return await self._database.fetch_one(_session(session_id, grace))

    async def end_session(self, session_id: UUID) -> None:
        """Ends the session, if it is there."""
        await self._database.execute(_end_session(session_id))

    async def attempt(self, key: str, allowed: int, window: timedelta) -> float:
        """Counts a try by `key`, of which `allowed` fit in `window`. Gives 0, or the seconds until the next one may."""
        counted = await self._database.fetch_one(_attempt(key, window / allowed, window))
        assert counted is not None
        return 0 if counted[0] else float(counted[1])

    async def forgive(self, key: str) -> None:
        """Forgets the tries by `key`, and some that are long settled."""
        await self._database.execute(_forgive(key))
        await self._database.execute(_sweep_throttles())


def _key(email: str) -> str:
    return email.lower()
