"""The tables of local accounts: secrets as hashes only. They are read before there is a principal, so none is owned."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Text, func
from sqlmodel import Field, SQLModel

from core.resources import TIMESTAMP, Timestamps


class LocalAccount(Timestamps, table=True):
    """How a user signs in here. `email_key` is the address without regard to case."""

    __tablename__ = "local_accounts"

    user_id: str = Field(sa_type=Text, sa_column_args=[ForeignKey("users.id", ondelete="CASCADE")], primary_key=True)
    email_key: str = Field(sa_type=Text, unique=True)
    password_hash: str = Field(sa_type=Text)


class LocalSession(SQLModel, table=True):
    """One sign-in. `token_hash` is that of its newest refresh token, which each use replaces; `previous_hash` that of
    the one before. `rotated_at` says when tokens were replaced lately, the newest first."""

    __tablename__ = "local_sessions"
    __table_args__: ClassVar[Any] = (Index("ix_local_sessions_user_id", "user_id"),)

    id: UUID = Field(primary_key=True)
    user_id: str = Field(sa_type=Text, sa_column_args=[ForeignKey("users.id", ondelete="CASCADE")])
    token_hash: bytes = Field(sa_type=LargeBinary)
    previous_hash: bytes | None = Field(sa_type=LargeBinary)
    rotated_at: list[datetime] = Field(sa_type=ARRAY(TIMESTAMP), sa_column_kwargs={"server_default": "{}"})
    created_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
    expires_at: datetime = Field(sa_type=TIMESTAMP)


class SignInThrottle(SQLModel, table=True):
    """How far ahead of its allowance an account or an address is: the generic cell rate algorithm, a row each."""

    __tablename__ = "sign_in_throttles"
    __table_args__: ClassVar[Any] = (Index("ix_sign_in_throttles_settled_at", "settled_at"),)

    key: str = Field(sa_type=Text, primary_key=True)
    settled_at: datetime = Field(sa_type=TIMESTAMP)
    allowed: bool
