"""Links between rows of two owned tables that have one owner: each is attached and detached by one statement."""

import operator
import sys
from uuid import UUID

from sqlalchemy import bindparam, delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from core.database.errors import ForeignKeyViolationError
from core.database.ownership import OWNER
from core.database.statements import Statement
from core.problems import Problem, ProblemError
from core.resources.changes import next_change
from core.resources.models import owner_column
from core.resources.repository import OwnedRepository
from core.resources.row_sql import Built
from core.resources.rows import maker


class LinkTable(SQLModel):
    """Mixin of a table of links. What a subclass adds to the primary key are the ids of the two rows; a foreign key of
    each, `(user_id, …)` with ON DELETE CASCADE, says of which tables, and an index finds the links of the second one.

    A link goes with either of its rows. It has no tombstone: who is told that a row was deleted knows that its links
    are gone.
    """

    user_id: str = owner_column()


class LinkSql:
    """Each method gives the SQL of one statement on a table of links: one row, or none where there is nothing to do."""

    def __init__(self, table: type[LinkTable]) -> None:
        columns = vars(table)["__table__"].primary_key.columns
        key = [column for column in columns if column.name != "user_id"]
        self._table, self._columns = table, ["user_id", *(column.name for column in key)]
        self._names = tuple(f"p_{column.name}" for column in key)
        self._values = [bindparam(f"p_{column.name}", type_=column.type) for column in key]
        self._this = [columns.user_id == OWNER, *map(operator.eq, key, self._values)]

    def find(self) -> Built:
        """A link."""
        return select(literal(1)).select_from(self._table).where(*self._this), self._names

    def attach(self) -> Built:
        """A new link, if it is one."""
        row = select(OWNER, *self._values).select_from(next_change(self._table))
        new = insert(self._table).from_select(self._columns, row).on_conflict_do_nothing()
        return new.returning(literal(1)), self._names

    def detach(self) -> Built:
        """Removes a link."""
        removed = delete(self._table).where(*self._this, next_change(self._table).c.number.is_not(None))
        return removed.returning(literal(1)), self._names


class Links:
    """The statements of a table of links. Beside the repository: `links = Links(TaskLabel)`.

    Their values are the two ids in the order of the primary key. Attaching and detaching are changes of the owner's
    rows, so that the entity tag of no list outlives them.
    """

    def __init__(self, table: type[LinkTable]) -> None:
        sql, made = LinkSql(table), maker(table.__name__, sys._getframe(1))
        self.find: Statement[[UUID, UUID], int] = made(sql.find)
        self.attach: Statement[[UUID, UUID], int] = made(sql.attach)
        self.detach: Statement[[UUID, UUID], int] = made(sql.detach)


class LinkRepository(OwnedRepository):
    """The current user's links of one table: a subclass sets `links`. Both methods raise the 401 of a deleted account,
    and ProblemError 412 for an If-Match: a link has no version."""

    links: Links

    async def attach(self, first: UUID, second: UUID) -> int | None:
        """Links two rows, also if they are linked; None where one of them is somebody else's, or not there."""
        self._reject_versions()
        try:
            made = await self._database.fetch_one(self._own(self.links.attach(first, second)))
        except ForeignKeyViolationError:  # its owner has a row, which was locked before
            return None
        return made or await self._one(self.links.find(first, second))

    async def detach(self, first: UUID, second: UUID) -> int | None:
        """Removes the link, and neither row; None where there is none."""
        self._reject_versions()
        return await self._one(self.links.detach(first, second))

    def _reject_versions(self) -> None:
        if self._expected is not None:
            raise ProblemError(Problem.PRECONDITION_FAILED, "A link has no entity tag; leave If-Match out.")
