"""A write that is repeated has its effect once: the IETF draft's `Idempotency-Key`, for every private write of rows."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from fastapi import Request
from sqlalchemy import Index, LargeBinary, SmallInteger, Text, delete, func, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningInsert, Update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.errors import DatabaseUnavailableError, ForeignKeyViolationError
from core.database.ownership import OWNER
from core.database.queries import Query
from core.database.statements import statement
from core.database.text_rows import columns_of
from core.database.transaction import Transaction
from core.http import context, headers
from core.http.responses import AnyResponse, Header, WholeResponse
from core.problems import FieldCode, FieldError, FieldParams, Problem, ProblemError
from core.resources.many_schemas import Written
from core.resources.models import TIMESTAMP, OwnedTable, owner_column
from core.resources.preconditions import ExistsError
from core.resources.repository import OwnedRepository, UnknownOwnerError

Write = Callable[[], Awaitable[AnyResponse]]
# Gives, by the id of the row if it has one, the content as it is now, None if it is gone, and the headers about it.
Repeated = Callable[[UUID | None], Awaitable[tuple[bytes | None, Iterable[Header]]]]

# How long a key is kept, and how many old ones go with a new one at most, however wrong the plan is.
KEPT, SWEPT = timedelta(hours=24), 10
LOCK_NOT_AVAILABLE = "55P03"
REPLAYED = "Idempotent-Replayed"

# A structured-field string (RFC 8941, section 3.3.3), or the same text bare.
_KEY = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')
PATTERN = f"^(?:{_KEY.pattern})$"


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
    old = select(IdempotencyKey.key).where(mine, other, col(IdempotencyKey.created_at) < func.now() - kept).limit(SWEPT)
    swept = delete(IdempotencyKey).where(mine, col(IdempotencyKey.key).in_(old.with_for_update(skip_locked=True)))
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


@statement
def _reject(key: str, fingerprint: bytes, row_id: UUID) -> Insert:
    new = insert(IdempotencyKey).values(user_id=OWNER, key=key, fingerprint=fingerprint, row_id=row_id)
    return new.values(status=Problem.PRECONDITION_FAILED.status).on_conflict_do_nothing()


class _Keys(OwnedRepository):
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

    async def reject(self, key: str, fingerprint: bytes, row_id: UUID) -> None:
        """Remembers that there was a row: once that is deleted, the same request must not make one."""
        await self._database.execute(self._own(_reject(key, fingerprint, row_id)))


async def once(request: Request, body: bytes, write: Write, repeated: Repeated) -> AnyResponse:
    """`write()`, or what it gave before under the same Idempotency-Key: status, Location and the row as it is now.

    The row, the key and what is stored of the response are one transaction: a lost response is found again, a failure
    leaves nothing, but for the 412 of what exists. Nothing of a row is stored but its id: what was deleted is gone.
    `repeated` gives the response to a repeat. Raises ProblemError 400, 409 while the first runs, 422 for another one.
    """
    key, fingerprint = _parse(headers.values(request.scope, b"idempotency-key")), _fingerprint(request, body)
    attempt = partial(_in_transaction, request, key, fingerprint, write, repeated)
    found = context.of(request)
    try:
        return await attempt()
    except ExistsError as error:
        await _Keys(found.services.database, found.user, found.services.accounts).reject(key, fingerprint, error.row_id)
        raise
    except UnknownOwnerError:
        await found.services.accounts.provision(found.user)
        return await attempt()


async def _in_transaction(
    request: Request, key: str, fingerprint: bytes, write: Write, repeated: Repeated
) -> AnyResponse:
    found = context.of(request)

    async def work(transaction: Transaction) -> AnyResponse:
        keys = _Keys(transaction, found.user, found.services.accounts)
        stored = await keys.claim(key, fingerprint)
        found.executor = transaction
        if stored is None:
            response = await write()
            transaction.at_end(keys.filled(key, response, found.result))
            return response
        if stored.fingerprint != fingerprint:
            raise ProblemError(Problem.IDEMPOTENCY_KEY_REUSED, "This key was used for another request. Make a new one.")
        return await _replay(stored, repeated)

    return await found.services.database.transact(work)


async def _replay(stored: IdempotencyKey, repeated: Repeated) -> WholeResponse:
    kept = ((b"location", stored.location), (b"etag", stored.etag))
    found = {name: value.encode("latin-1") for name, value in kept if value is not None}
    body = stored.body
    if stored.status is not None and body is None:
        body, now = await repeated(stored.row_id)
        found.update(now)
    if stored.status == Problem.PRECONDITION_FAILED.status:
        detail, tag = "There was one under this id when the request came first.", found.get(b"etag")
        raise ProblemError(Problem.PRECONDITION_FAILED, detail, headers={"ETag": tag.decode()} if tag else None)
    return WholeResponse(stored.status or 201, [(REPLAYED.lower().encode(), b"true"), *found.items()], body or None)


def _parse(lines: list[str]) -> str:
    match = _KEY.fullmatch(lines[0].strip()) if len(lines) == 1 else None
    if match is None:
        told, params = "Must be one text of 1 to 255 ASCII characters", FieldParams(expected="idempotency-key")
        error = FieldError(pointer="/header/idempotency-key", message=told, code=FieldCode.MALFORMED, params=params)
        raise ProblemError(Problem.VALIDATION_FAILED, "The Idempotency-Key is malformed.", errors=[error])
    return str(match[1] or match[2])


def _fingerprint(request: Request, body: bytes) -> bytes:
    """What the key stands for: the operation, what it is done to, and the body, byte for byte. Not the user's id, which
    can be `me`, and not If-Match: who tries again has a new tag."""
    within = sorted(item for item in request.path_params.items() if item[0] != "user_id")
    makes = headers.values(request.scope, b"if-none-match")  # to make and to replace are two things
    operation = (request.method, context.of(request).route, within, request.scope["query_string"], *makes)
    return hashlib.sha256(f"{operation}\n".encode() + body).digest()
