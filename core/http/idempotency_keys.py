"""The keys that writes were sent with: their table, and all SQL on it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, Text, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert, Update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.errors import LOCK_NOT_AVAILABLE, DatabaseUnavailableError, ForeignKeyViolationError
from core.database.limits import found_once
from core.database.ownership import OWNER
from core.database.queries import Query
from core.database.statements import statement
from core.database.text_rows import columns_of
from core.http.responses import AnyResponse, WholeResponse
from core.problems import Problem, ProblemError
from core.resources.many_schemas import Written
from core.resources.models import TIMESTAMP, OwnedTable, owner_column
from core.resources.repository import OwnedRepository, UnknownOwnerError

# How long a key is kept, and how many old ones go with a new one at most, however wrong the plan is.
KEPT, SWEPT = timedelta(hours=24), 10


class IdempotencyKey(SQLModel, table=True):
    """A key that its owner used, for what, and the response without its content; written in the write's transaction."""

    __tablename__ = "idempotency_keys"
    # Finds what is to be swept, however many keys its owner has.
    __table_args__: ClassVar[Any] = (Index("ix_idempotency_keys_created_at", "user_id", "created_at"),)

    user_id: str = owner_column()
    key: str = Field(sa_type=Text, primary_key=True)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    location: str | None = Field(sa_type=Text)
    etag: str | None = Field(sa_type=Text)
    # None of a response that a release before this one stored, with its `body`.
    status: int | None = Field(sa_type=SmallInteger)
    row_id: UUID | None
    # Of a write of many rows: how many they were, and their ids.
    body: bytes | None = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})


@statement
def _claim(key: str, fingerprint: bytes, kept: timedelta) -> ReturningInsert[str]:
    """Waits for whoever holds the same key in a transaction under way; gives a row only to the first.

    Sweeps some of the owner's other keys that are old; one that another write is sweeping it leaves to that one, and
    does not wait for it.
    """
    mine, other = col(IdempotencyKey.user_id) == OWNER, col(IdempotencyKey.key) != key
    at = col(IdempotencyKey.created_at)
    # The oldest, so that an index finds them.
    old = select(IdempotencyKey.key).where(mine, other, at < func.now() - kept).order_by(at).limit(SWEPT)
    swept = delete(IdempotencyKey).where(
        mine, found_once(col(IdempotencyKey.key), old.with_for_update(skip_locked=True))
    )
    new = insert(IdempotencyKey).values(user_id=OWNER, key=key, fingerprint=fingerprint).on_conflict_do_nothing()
    return new.returning(col(IdempotencyKey.key)).add_cte(swept.cte("swept"))


@statement
def _find(key: str) -> SelectOfScalar[IdempotencyKey]:
    return select(IdempotencyKey).where(col(IdempotencyKey.user_id) == OWNER, col(IdempotencyKey.key) == key)


@statement
def _fill(key: str, status: int, location: str | None, etag: str | None, row_id: UUID | None, body: Any) -> Update:
    this = col(IdempotencyKey.user_id) == OWNER, col(IdempotencyKey.key) == key
    values = {"status": status, "location": location, "etag": etag, "row_id": row_id, "body": body}
    return update(IdempotencyKey).where(*this).values(values)


class Keys(OwnedRepository):
    """The current user's keys, in the transaction of the write."""

    async def claim(self, key: str, fingerprint: bytes) -> IdempotencyKey | None:
        """None if the key is now ours; else what was stored under it. Raises ProblemError 409 while that runs."""
        stored = None
        while stored is None:  # found by the claim, it can be swept before it is read
            try:
                claimed = await self._database.fetch_one(self._own(_claim(key, fingerprint, KEPT)))
            except ForeignKeyViolationError as error:
                raise UnknownOwnerError from error
            except DatabaseUnavailableError as error:
                if error.sqlstate != LOCK_NOT_AVAILABLE:
                    raise
                detail = "The first request with this key runs, or another write that this one waits for."
                raise ProblemError(Problem.REQUEST_IN_PROGRESS, detail) from None
            if claimed is not None:
                return None
            stored = await self._database.fetch_one(self._own(_find(key)))
        return stored

    def filled(self, key: str, response: AnyResponse, row: Any) -> Query[None]:
        """What stores the response, to which the endpoint gave `row`."""
        headers = {name: value.decode("latin-1") for name, value in response.raw_headers}
        row_id = columns_of(row)["id"] if isinstance(row, OwnedTable) else None
        status = response.status if isinstance(response, WholeResponse) else response.status_code
        body = row.model_dump_json().encode() if isinstance(row, Written) else None
        return self._own(_fill(key, status, headers.get(b"location"), headers.get(b"etag"), row_id, body))

    def rejected(self, key: str, row_id: UUID) -> Query[None]:
        """What remembers that there was a row: once that is deleted, the same request must not make one."""
        return self._own(_fill(key, Problem.PRECONDITION_FAILED.status, None, None, row_id, None))
