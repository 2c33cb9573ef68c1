"""What every table shares: names of constraints, ids that sort by time, timestamps with a zone, and the owner."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, MetaData, Table, Text, event, func
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from core.database.ownership import OWNER_COLUMN

# Keys of Column.info: the column by which a row has an owner elsewhere, and the one where that is.
_REFERS, _REFERRED = "refers_to_owner", "owner"

# Each constraint and index has a name that migrations and error handling can rely on.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

TIMESTAMP = DateTime(timezone=True)


class OwnersTable(SQLModel):
    """Mixin of the one table whose rows own those of all owned tables. Its changes: core.resources.changes."""

    id: str = Field(sa_type=Text, primary_key=True, sa_column_kwargs={"info": {OWNER_COLUMN: True, _REFERRED: True}})
    # How many changes the owner's rows have seen, and when the last one was.
    change: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    changed_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
    # The number of the newest deletion of which nothing is known any more.
    forgotten: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


def owner_column() -> Any:
    """The first part of the primary key of an owned table. What belongs to an owner goes with them."""
    info = {OWNER_COLUMN: True, _REFERS: True}
    return Field(sa_type=Text, sa_column_kwargs={"info": info}, primary_key=True)


@event.listens_for(Table, "after_parent_attach")
def _refer(_: Table, metadata: MetaData) -> None:
    """Lets owned tables refer to their owners' table, whichever of them is declared first."""
    for owner in _columns(metadata, _REFERRED):
        for column in _columns(metadata, _REFERS):
            if not owner_keys(column):
                column.append_foreign_key(ForeignKey(owner, ondelete="CASCADE"))


def owner_keys(column: Column[Any]) -> list[ForeignKey]:
    """The one foreign key of an owner's column to the owners' table, once both are declared. A column may be part of
    more, to tables of the same owner."""
    owners = [f"{owner.table.name}.{owner.name}" for owner in _columns(column.table.metadata, _REFERRED)]
    return [key for key in column.foreign_keys if key.target_fullname in owners]


def is_owner_constraint(name: str | None) -> bool:
    """Whether it is a foreign key by which a row of an owned table implies its owner."""
    keys = [key for column in _columns(SQLModel.metadata, _REFERS) for key in owner_keys(column)]
    return name in [key.constraint.name for key in keys if key.constraint is not None]


def _columns(metadata: MetaData, mark: str) -> list[Column[Any]]:
    return [column for table in metadata.tables.values() for column in table.columns if mark in column.info]


class OwnedTable(SQLModel):
    """Mixin of a table whose every row belongs to one user. The primary key is `(user_id, id)`.

    The owner comes first for isolation and locality: one user's rows lie together, and could be moved together.
    """

    user_id: str = owner_column()
    id: UUID = Field(default_factory=uuid7, primary_key=True)


class Versioned(SQLModel):
    """Mixin of a table whose rows are read and written one at a time over HTTP: the version makes their ETag.

    Every UPDATE adds one to it; core.resources.preconditions says what it is for.
    """

    version: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "1"})


class Timestamps(SQLModel):
    """Mixin of a table that knows when a row was made and last written. PostgreSQL's clock, microseconds, UTC."""

    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
    updated_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
