"""How many of an owner's rows there are: of those that pass the filters of a list, all, and those of some kinds."""

import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field
from sqlalchemy import ColumnElement, func, select

from core.database.queries import Query
from core.database.statements import Statement
from core.resources.crud import CrudRepository
from core.resources.models import Versioned
from core.resources.pagination import ListQuery, Page
from core.resources.preconditions import NONE
from core.resources.row_sql import Built, parameters
from core.resources.rows import Rows, maker
from core.resources.schemas import InputModel

V = TypeVar("V", bound=Versioned)


class CountedQuery(ListQuery):
    """Base of what a list takes that also says how many there are of each kind."""

    include_counts: bool = Field(
        default=False, description="Whether to count all that pass the filters, by kind: `counts`. It has no ETag then."
    )


class Counts:
    """The statement that counts. Beside the rows: `kinds = Counts(rows, {"pinned": col(Note.pinned)})`."""

    def __init__(self, rows: Rows[Any], kinds: Mapping[str, ColumnElement[bool]]) -> None:
        self._filters, sql = rows.filters, rows.sql
        self._names = ("total", *kinds)

        def counts(filters: tuple[str, ...]) -> Built:
            numbers = [func.count(), *(func.count().filter(kind) for kind in kinds.values())]
            mine = sql.mine(*sql.conditions(filters))
            return select(*numbers).select_from(sql.row).where(*mine), parameters(filters)

        made = maker(rows.table.__name__, sys._getframe(1))
        self._statement: Statement[..., tuple[int, ...]] = made(
            counts, [{"filters": one} for one in rows.filters.variants()]
        )

    def of(self, query: InputModel) -> Query[tuple[int, ...]]:
        """One row: how many pass the filters of `query`, and how many of these are of each kind."""
        filters, values = self._filters.chosen(query)
        return self._statement(*values, filters=filters)

    def named(self, row: tuple[int, ...]) -> dict[str, int]:
        """The numbers of that row by the names of their kinds, and all of them as `total`."""
        return dict(zip(self._names, row, strict=True))


class CountedRepository(CrudRepository[V]):
    """A CrudRepository that says how many rows there are of each kind: a subclass sets `kinds`."""

    kinds: Counts

    async def counts(self, query: InputModel) -> dict[str, int]:
        """How many pass the filters: `total`, and each kind by its name. Raises the 401 of a deleted account."""
        (row,) = await self._all(self.kinds.of(query))
        if not row[0] and self._database.autocommit:
            await self._accounts.reject_deleted(self._principal)
        return self.kinds.named(row)

    async def list(self, query: ListQuery) -> Page[V]:
        """As it is, with `counts` where they were asked for."""
        if not (isinstance(query, CountedQuery) and query.include_counts):
            return await super().list(query)
        # A kind may depend on the time: what has not changed may have other counts.
        self._conditions = NONE
        page = await super().list(query)
        page.change = None
        page["counts"] = await self.counts(query)
        return page
