"""What is left of a row that was deleted: that it was, for those who sync, and nothing of what it held."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import CTE, BigInteger, Index, Text, delete, exists, func, insert, literal, update
from sqlalchemy.sql.dml import ReturningInsert, Update
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.limits import found_once
from core.database.ownership import OWNER
from core.database.statements import statement
from core.resources.changes import owner_of
from core.resources.models import TIMESTAMP, owner_column

# About each so manieth deletion of an owner also removes what is older than is kept: no worker is needed.
SWEPT_AT = 32
# So many go at once at most, however wrong the plan is.
SWEPT = 1000
_BITS = 32
_GOLDEN = 2654435769  # the golden ratio's fraction in as many bits


class Tombstone(SQLModel, table=True):
    """A deletion: in which table and of which id, its number among the owner's changes, and when."""

    __tablename__ = "tombstones"
    __table_args__: ClassVar[Any] = (Index("ix_tombstones_change", "user_id", "collection", "change", "id"),)

    user_id: str = owner_column()
    collection: str = Field(sa_type=Text, primary_key=True)
    id: UUID = Field(primary_key=True)
    change: int = Field(sa_type=BigInteger)
    deleted_at: datetime = Field(sa_type=TIMESTAMP)


def sweeps(change: int) -> bool:
    """Whether the deletion with this number sweeps.

    Multiples of the golden ratio are spread evenly, whatever the steps between them. Each so manieth number would be
    missed for ever by a client that creates and deletes in turn, whose deletions have odd numbers alone.
    """
    return change * _GOLDEN % (1 << _BITS) < (1 << _BITS) // SWEPT_AT


def leave_tombstone(collection: str, removed: CTE, counted: CTE) -> ReturningInsert[int]:
    """Leaves a tombstone for each row of `removed`, with the number of the change `counted`, which it gives."""
    row: Any = sqlalchemy.select(OWNER, literal(collection, Text), removed.c.id, counted.c.number, counted.c.at)
    columns = ["user_id", "collection", "id", "change", "deleted_at"]
    return insert(Tombstone).from_select(columns, row).returning(col(Tombstone.change))


def remove_tombstone(collection: str, row_id: Any, *conditions: Any) -> CTE:
    """Removes the tombstone of a row that is put back, and gives its `deleted_at`."""
    return (
        delete(Tombstone)
        .where(*of_row(collection, row_id), *conditions)
        .returning(col(Tombstone.deleted_at))
        .cte("restored")
    )


def of_row(collection: Any, row_id: Any) -> tuple[Any, ...]:
    """The condition for the tombstone of a row; `collection` is the name of its table, or a parameter."""
    return col(Tombstone.user_id) == OWNER, col(Tombstone.collection) == collection, col(Tombstone.id) == row_id


@statement
def is_deleted(collection: str, row_id: UUID) -> SelectOfScalar[bool]:
    """Whether there is a tombstone of the row."""
    return select(exists().where(*of_row(collection, row_id)))


@statement
def forget(kept: timedelta) -> Update:
    """Removes some of the owner's tombstones that are older than `kept`, and notes up to which number nothing is known
    for certain now."""
    mine, owner = col(Tombstone.user_id) == OWNER, owner_of(Tombstone)
    old = col(Tombstone.deleted_at) < func.now() - kept
    some = select(col(Tombstone.id)).where(mine, old).limit(SWEPT).with_for_update(skip_locked=True)
    removed = (
        delete(Tombstone)
        .where(mine, old, found_once(col(Tombstone.id), some))  # one of another table has its own age
        .returning(col(Tombstone.change))
        .cte("removed")
    )
    newest = select(func.max(removed.c.change)).scalar_subquery()
    noted = update(owner.table).where(owner == OWNER, exists(select(removed.c.change)))
    return noted.values(forgotten=func.greatest(owner.table.c.forgotten, newest))
