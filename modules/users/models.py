"""The tables of users: who has rows here, and who must not have any again. Each user owns their own row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Double, Text, func
from sqlmodel import Field, SQLModel

from core.database.ownership import OWNER_COLUMN
from core.resources import TIMESTAMP, Timestamps, Versioned
from core.resources.models import OwnersTable
from core.tokens.verifier import Principal


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a row takes over from a token: its new values, and what of the claims is seen from now on."""

    email: str | None
    name: str | None
    name_claim: str | None
    issued_at: float | None


class User(Timestamps, Versioned, OwnersTable, table=True):
    """A user as the newest token's claims tell, or as they signed up here. The name can be changed here as well."""

    __tablename__ = "users"

    email: str | None = Field(sa_type=Text)
    name: str | None = Field(sa_type=Text)
    # The claim `name` that was last seen; None where none was, or before it was kept. That of the address is `email`.
    name_claim: str | None = Field(sa_type=Text)
    # The `iat` of the newest token that had something to say, in seconds since 1970.
    claims_issued_at: float | None = Field(sa_type=Double)

    def claimed(self, token: Principal) -> Claimed | None:
        """What the token's claims change of the row; None where it knows them, or knows newer ones.

        A claim counts that differs from the one last seen, and is newer: without `iat` it fills only what is null.
        """
        known, issued_at = self.claims_issued_at, token.issued_at
        if issued_at is not None and known is not None and issued_at <= known:
            return None
        dated = issued_at is not None
        email, _ = _follow(self.email, self.email, token.email, dated=dated)
        name, seen = _follow(self.name, self._seen_name(), token.name, dated=dated)
        if (email, seen) == (self.email, self._seen_name()):
            return None
        return Claimed(email, name, seen, issued_at if dated else known)

    def _seen_name(self) -> str | None:
        """A row from before claims were kept has the claim's name as long as nothing was changed."""
        return self.name if self.name_claim is None and self.version == 1 else self.name_claim


def _follow(value: str | None, seen: str | None, claim: str | None, *, dated: bool) -> tuple[str | None, str | None]:
    """Value and claim last seen, once `claim` is seen. A value that was set before any claim was seen stays."""
    if claim in (None, seen) or not (dated or value is None):
        return value, seen
    return (claim if value is None or seen is not None else value), claim


class DeletedUser(SQLModel, table=True):
    """The id of an account that was deleted: tokens that still name it are rejected."""

    __tablename__ = "deleted_users"

    id: str = Field(sa_type=Text, primary_key=True, sa_column_kwargs={"info": {OWNER_COLUMN: True}})
    deleted_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": func.now()})
