"""What every table shares: names of constraints, ids that sort by time, timestamps with a zone, and the owner."""

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Text, func
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from core.ownership import OWNER_COLUMN

# Each constraint and index has a name that migrations and error handling can rely on.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

TIMESTAMP = DateTime(timezone=True)


# The foreign key by which a row of an owned table implies its user.
OWNER_CONSTRAINT = re.compile(r"fk_\w+_user_id_users")


class OwnedTable(SQLModel):
    """Mixin of a table whose every row belongs to one user. The primary key is `(user_id, id)`.

    The owner comes first for isolation and locality: one user's rows lie together, and could be moved together.
    """

    user_id: str = Field(
        sa_type=Text,
        sa_column_args=[ForeignKey("users.id", ondelete="CASCADE")],
        sa_column_kwargs={"info": {OWNER_COLUMN: True}},
        primary_key=True,
    )
    id: UUID = Field(default_factory=uuid7, primary_key=True)


class Timestamps(SQLModel):
    """Mixin of a table that knows when a row was made and last written. PostgreSQL's clock, microseconds, UTC."""

    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
    updated_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
