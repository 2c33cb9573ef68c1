"""The statements that the table of a slice needs: one row found, made, changed and removed, and pages of a list."""

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import FrameType
from typing import Any, Generic, TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from core.database.queries import Query
from core.database.statements import Statement, Variant, prepared
from core.resources import feed, pagination
from core.resources.filters import Filter, Filters
from core.resources.models import Versioned
from core.resources.pagination import ListQuery
from core.resources.row_sql import Built, Columns, RowSql, column_of

V = TypeVar("V", bound=Versioned)


def nothing_else(_written: Columns, _before: Columns, _now: Any) -> Columns:
    """What most tables' rows are written with besides."""
    return {}


def maker(table: str, caller: FrameType) -> Callable[..., Any]:
    """What makes statements: by the module of the repository, which is the place to look at where one is wrong."""
    place = f"{caller.f_code.co_filename}:{caller.f_lineno}"

    def made(build: Callable[..., Built], variants: Iterable[Variant] = ({},)) -> Statement[..., Any]:
        name = f"{caller.f_globals['__name__']}.{table}.{build.__name__}"
        return Statement(name, place, build, lambda: variants)

    return made


class Rows(Generic[V]):
    """The statements of one owned table. Beside the repository: `rows = Rows(Note, filters={"tag": one_of(...)})`.

    `filters` are fields of the list's query that narrow it. `sorts` are what it can be sorted by: expressions that are
    never NULL, and that an index of the table has behind the owner. `follow` says what is written besides: it gets the
    columns that are written, those of the row before (NULL in a new one) and the time of the change, and gives columns.
    """

    def __init__(
        self,
        table: type[V],
        *,
        filters: Mapping[str, Filter] | None = None,
        sorts: Mapping[str, Any] | None = None,
        follow: Callable[[Columns, Columns, Any], Columns] = nothing_else,
    ) -> None:
        self.filters = Filters(filters or {})
        sql = RowSql(table, self.filters, sorts, follow)
        self.table, self.sql = table, sql
        self.name, self.sorts = sql.name, sql.sorts
        # What a list is sorted by, where that is a column.
        self.columns = {name: column_of(key) for name, key in self.sorts.items()}
        self._checks = {name: pagination.check_of(name, key) for name, key in self.sorts.items()}
        made = self.made = maker(table.__name__, sys._getframe(1))
        whole: Variant = {"columns": sql.writable()}
        each: list[Variant] = [{"columns": (one,)} for one in sql.writable()]
        either = (False, True)
        # By the id of the row.
        self.find: Statement[[UUID], V] = prepared(made(sql.find))
        self._remove: Statement[..., int] = prepared(made(sql.remove, [{"matched": one} for one in either]))
        self._create: Statement[..., V] = prepared(made(sql.create, [whole]))
        written = [{**columns, "matched": one} for columns in (whole, *each) for one in either]
        self._change: Statement[..., V] = prepared(made(sql.change, written))
        self._page: Statement[..., tuple[V, str, int | None]] = prepared(made(sql.page, self._pages()))
        self._count: Statement[..., int] = made(sql.count, [{"filters": one} for one in self.filters.variants()])
        # How many changes of the owner's rows there were, where they are counted.
        self.number: Statement[[], int] | None = prepared(made(sql.number)) if sql.tracked else None
        if sql.tracked:
            self._put: Statement[..., V] = made(sql.put, [{**whole, "keyed": one} for one in either])
            # Not prepared: which index a plan for all owners takes depends on the table.
            self._changes: Statement[..., Any] = made(sql.changes, [{"after": one} for one in either])

    def create(self, values: Columns) -> Query[V]:
        """A new row with these columns. Its id sorts by the time of its making."""
        return self._create(uuid7(), *values.values(), columns=(*values,))

    def change(self, row_id: UUID, values: Columns, versions: list[int] | None) -> Query[V]:
        """Writes these columns, and leaves the others to whoever else writes them; of a row with one of the versions,
        None for any."""
        matched = () if versions is None else (versions,)
        return self._change(row_id, *matched, *values.values(), columns=(*values,), matched=bool(matched))

    def remove(self, row_id: UUID, versions: list[int] | None) -> Query[int]:
        """Removes a row with one of the versions, None for any; gives the number of the change."""
        matched = () if versions is None else (versions,)
        return self._remove(row_id, *matched, matched=bool(matched))

    def put(self, row_id: UUID, values: Columns, created_at: datetime | None, *, keyed: bool) -> Query[V]:
        """A new row under an id of the client's own; no row comes back where there is one, or was one."""
        given = (row_id, created_at) if keyed else (row_id,)
        return self._put(*given, *values.values(), columns=(*values,), keyed=keyed)

    def changes(self, since: feed.Position | None, limit: int) -> Query[Any]:
        """The rows of which feed.changes_of makes a page."""
        if since is None:
            return self._changes(limit + 1, after=False)
        return self._changes(limit + 1, since.change, since.id, since.start, after=True)

    def page(self, query: ListQuery) -> Query[tuple[V, str, int | None]]:
        """The rows of a page and one behind it, each with the text of what it is sorted by, if that is no column of
        its own, and the number of changes.

        Raises ProblemError 400 for a cursor of another list.
        """
        filters, values = self.filters.chosen(query)
        if query.cursor is None:
            return self._page(query.limit + 1, *values, sort=query.sort, filters=filters, after=False)
        start = pagination.decode(query.cursor, query.sort, self._checks[query.sort.removeprefix("-")])
        return self._page(query.limit + 1, *start, *values, sort=query.sort, filters=filters, after=True)

    def count(self, query: ListQuery) -> Query[int]:
        """How many rows pass the filters."""
        filters, values = self.filters.chosen(query)
        return self._count(*values, filters=filters)

    def _pages(self) -> list[Variant]:
        sorts = [direction + sort for sort in self.sorts for direction in ("", "-")]
        return [
            {"sort": sort, "filters": chosen, "after": after}
            for sort in sorts
            for chosen in self.filters.variants()
            for after in (False, True)
            if sort == sorts[0] or not chosen
        ]
