"""Whether this release may serve the schema that the database has: its own, or a newer one that has room for it."""

import asyncio
import re
from collections.abc import Sequence, Set
from typing import Any, ClassVar

import structlog
from sqlalchemy import Boolean, CheckConstraint, PrimaryKeyConstraint, Text, true
from sqlalchemy.sql.elements import conv
from sqlmodel import Field, SQLModel, select
from sqlmodel.sql.expression import SelectOfScalar

from core.config import VERSION
from core.database import table_schema
from core.database.database import Database
from core.database.errors import MissingGrantError, UndefinedObjectError
from core.database.statements import statement
from core.problems import Problem

_log = structlog.get_logger("core.database.compatibility")


class SchemaCompatibility(SQLModel, table=True):
    """The one row that says for which release the migrations left room, of those that do not know the migrations.

    Whole names, as this file may be read before the one that says how names are made.
    """

    __tablename__ = "schema_compatibility"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("singleton", name=conv("ck_schema_compatibility_one_row")),
        PrimaryKeyConstraint("singleton", name="pk_schema_compatibility"),
    )

    singleton: bool = Field(sa_type=Boolean, primary_key=True, sa_column_kwargs={"server_default": true()})
    oldest_release: str = Field(sa_type=Text)


@statement
def oldest_release() -> SelectOfScalar[str]:
    """The oldest release that may serve this schema."""
    return select(SchemaCompatibility.oldest_release)


class SchemaCheck:
    """Compares the database's revision with those that the code knows; an unknown one is newer."""

    def __init__(self, database: Database, known: Set[str], head: str) -> None:
        """`known` are all revisions that the code has, `head` is the newest of them."""
        self._database = database
        self._known = known
        self._head = head
        self._told: Sequence[str] = ()
        # When it was last found good, on the event loop's clock.
        self.passed = float("-inf")

    async def problem(self) -> Problem | None:
        """SCHEMA_TOO_OLD or SCHEMA_TOO_NEW, which the log explains; None where this release may serve.

        Raises DatabaseError where the database does not tell.
        """
        found = await self._revisions()
        if self._head not in found and await self._database.moved():
            found = await self._revisions()
        problem, oldest = await self._judge(found)
        self.passed = float("-inf") if problem else asyncio.get_running_loop().time()
        fields = {
            "todo_api.revision.database": ", ".join(found) or None,
            "todo_api.revision.code": self._head,
            "todo_api.oldest_release": oldest,
        }
        if problem:
            _log.warning("not ready", **{"error.code": problem.code, "error.reason": "revision", **fields})
        elif self._head not in found and found != self._told:
            _log.warning("the schema is newer than this release", **fields)
        self._told = found
        return problem

    async def _judge(self, found: Sequence[str]) -> tuple[Problem | None, str | None]:
        """What is wrong, and the oldest release that may serve where that had to be looked up."""
        if self._head in found:
            return None, None
        if not found or not self._known.isdisjoint(found):
            return Problem.SCHEMA_TOO_OLD, None
        oldest = await self._database.fetch_one(oldest_release())
        too_new = oldest is not None and order(VERSION) < order(oldest)
        return (Problem.SCHEMA_TOO_NEW if too_new else None), oldest

    async def _revisions(self) -> list[str]:
        """Empty where nothing was migrated yet. In the former schema the table may be another application's as well."""
        try:
            return await self._database.fetch_all(table_schema.revision())
        except MissingGrantError:
            raise
        except UndefinedObjectError:
            return []


def order(release: str) -> tuple[int, ...]:
    """What releases are compared by: 0.10.0 comes after 0.9.2, and 1.0.0rc1 may do what 1.0.0 may.

    Raises ValueError for what begins with no such number.
    """
    numbers = re.match(r"[\d.]*\d", release)
    if numbers is None:
        raise ValueError(release)
    return tuple(int(part) for part in numbers[0].split("."))
