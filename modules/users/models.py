"""The tables of users: who has rows here, and who must not have any again. Each user owns their own row."""

from datetime import datetime

from sqlalchemy import BigInteger, Text, func
from sqlmodel import Field, SQLModel

from core.models import TIMESTAMP, Timestamps, Versioned
from core.ownership import OWNER_COLUMN


class User(Timestamps, Versioned, table=True):
    """A user as the token's claims told when the row was made, or as they signed up here."""

    __tablename__ = "users"

    id: str = Field(sa_type=Text, primary_key=True, sa_column_kwargs={"info": {OWNER_COLUMN: True}})
    email: str | None = Field(sa_type=Text)
    name: str | None = Field(sa_type=Text)
    # How many changes the user's rows have seen, and when the last one was: core.changes counts them.
    change: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    changed_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})


class DeletedUser(SQLModel, table=True):
    """The id of an account that was deleted: whatever token still names it is dead."""

    __tablename__ = "deleted_users"

    id: str = Field(sa_type=Text, primary_key=True, sa_column_kwargs={"info": {OWNER_COLUMN: True}})
    deleted_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
