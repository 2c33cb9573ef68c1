"""The statements that the table of a slice needs: one row found, made, changed and removed, and pages of a list."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, delete, func, insert, null, tuple_, update
from sqlmodel import select
from uuid_utils.compat import uuid7

from core.database.ownership import OWNER
from core.database.queries import Query
from core.database.statements import Statement, Variant
from core.resources import pagination
from core.resources.changes import ChangeTracked, next_change, number_of
from core.resources.filters import Filter, Filters
from core.resources.models import Timestamps, Versioned
from core.resources.pagination import ListQuery
from core.resources.repository import matching

V = TypeVar("V", bound=Versioned)
Columns = Mapping[str, Any]
Built = tuple[Any, tuple[str, ...]]

# What the server writes by itself.
_OWN = {"user_id", "id", "version", "created_at", "updated_at", "change"}
_NEW = ("p_id",)
_CHANGED = ("p_id", "p_versions")
_AFTER = ("p_after", "p_after_id")


def nothing_else(_written: Columns, _before: Columns, _now: Any) -> Columns:
    """What most tables' rows are written with besides."""
    return {}


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
        self._row: Any = table
        self._columns: Any = vars(table)["__table__"].columns
        self._tracked = issubclass(table, ChangeTracked)
        self._follow = follow
        self.filters = Filters(filters or {})
        self.sorts: Mapping[str, Any] = {"created_at": self._columns.created_at} if sorts is None else sorts
        self._checks = {name: pagination.check_of(name, key) for name, key in self.sorts.items()}
        caller = sys._getframe(1)  # the place to look at where a filter is wrong
        place = f"{caller.f_code.co_filename}:{caller.f_lineno}"
        name = f"{caller.f_globals['__name__']}.{table.__name__}"

        def made(what: str, build: Callable[..., Built], variants: Iterable[Variant] = ({},)) -> Any:
            return Statement(f"{name}.{what}", place, build, lambda: variants)

        written = [{"columns": columns} for columns in self._some_columns()]
        # By the id of the row, and of `remove` the versions that it may have, None for any: then it gives the id.
        self.find: Statement[[UUID], V] = made("find", self._build_find)
        self.remove: Statement[[UUID, list[int] | None], UUID] = made("remove", self._build_remove)
        self._create: Statement[..., V] = made("create", self._build_create, written[:1])
        self._change: Statement[..., V] = made("change", self._build_change, written)
        # How many changes of the owner's rows there were, where they are counted.
        self.number: Statement[[], int] | None = made("number", self._build_number) if self._tracked else None
        self._page: Statement[..., tuple[V, str, int | None]] = made("page", self._build_page, self._pages())
        self._count: Statement[..., int] = made(
            "count", self._build_count, [{"filters": chosen} for chosen in self.filters.variants()]
        )

    def create(self, values: Columns) -> Query[V]:
        """A new row with these columns. Its id sorts by the time of its making."""
        return self._create(uuid7(), *values.values(), columns=(*values,))

    def change(self, row_id: UUID, values: Columns, versions: list[int] | None) -> Query[V]:
        """Writes these columns, and leaves the others to whoever else writes them; of a row with one of the versions,
        None for any."""
        return self._change(row_id, versions, *values.values(), columns=(*values,))

    def page(self, query: ListQuery) -> Query[tuple[V, str, int | None]]:
        """The rows of a page and one behind it, each with the text of what it is sorted by and the number of changes.

        Raises ProblemError 400 for a cursor of another list.
        """
        filters, values = self.filters.chosen(query)
        if query.cursor is None:
            return self._page(query.limit + 1, *values, sort=query.sort, filters=filters, after=False)
        position = pagination.decode(query.cursor, query.sort, self._checks[query.sort.removeprefix("-")])
        start = query.limit + 1, position.value, position.id
        return self._page(*start, *values, sort=query.sort, filters=filters, after=True)

    def count(self, query: ListQuery) -> Query[int]:
        """How many rows pass the filters."""
        filters, values = self.filters.chosen(query)
        return self._count(*values, filters=filters)

    def _some_columns(self) -> list[tuple[str, ...]]:
        """All that a client may write, and each alone."""
        nulls = dict.fromkeys(self._columns.keys(), null())
        own = _OWN.union(self._follow(nulls, nulls, null()))
        names = tuple(column.name for column in self._columns if column.name not in own)
        return [names, *((name,) for name in names)]

    def _pages(self) -> list[Variant]:
        sorts = [direction + sort for sort in self.sorts for direction in ("", "-")]
        return [
            {"sort": sort, "filters": chosen, "after": after}
            for sort in sorts
            for chosen in self.filters.variants()
            for after in (False, True)
            if sort == sorts[0] or not chosen
        ]

    def _mine(self, *conditions: Any) -> list[Any]:
        return [self._columns.user_id == OWNER, *conditions]

    def _this(self) -> list[Any]:
        matches = matching(self._columns.version, bindparam("p_versions"))
        return self._mine(self._columns.id == bindparam("p_id"), matches)

    def _build_find(self) -> Built:
        return select(self._row).where(*self._mine(self._columns.id == bindparam("p_id"))), _NEW

    def _build_create(self, columns: tuple[str, ...]) -> Built:
        written, stamps, now = self._written(columns)
        before = dict.fromkeys(self._columns.keys(), null())
        values = {"user_id": OWNER, "id": bindparam("p_id"), **written, **self._follow(written, before, now), **stamps}
        if issubclass(self._row, Timestamps):
            values["created_at"] = now
        source = select(*values.values())
        return insert(self._row).from_select([*values], source).returning(self._row), (*_NEW, *_named(columns))

    def _build_change(self, columns: tuple[str, ...]) -> Built:
        written, stamps, now = self._written(columns)
        stamps["version"] = self._columns.version + 1
        values = {**written, **self._follow(written, self._columns, now), **stamps}
        changed = update(self._row).where(*self._this()).values(values).returning(self._row)
        return changed, (*_CHANGED, *_named(columns))

    def _build_remove(self) -> Built:
        return delete(self._row).where(*self._this()).returning(self._columns.id), _CHANGED

    def _build_page(self, sort: str, filters: tuple[str, ...], after: bool) -> Built:
        key, row_id, down = self.sorts[sort.removeprefix("-")], self._columns.id, sort.startswith("-")
        conditions = self._mine(*self._conditions(filters))
        if after:
            place, start = tuple_(key, row_id), tuple_(*map(bindparam, _AFTER))
            conditions.append(place < start if down else place > start)
        order = [key.desc(), row_id.desc()] if down else [key, row_id]
        number: Any = number_of(self._row) if self._tracked else null()
        page = select(self._row, cast(key, Text), number).where(*conditions)
        page = page.order_by(*order).limit(bindparam("p_limit"))
        return page, ("p_limit", *(_AFTER if after else ()), *_named(filters))

    def _build_number(self) -> Built:
        return select(number_of(self._row)), ()

    def _build_count(self, filters: tuple[str, ...]) -> Built:
        conditions = self._mine(*self._conditions(filters))
        return select(func.count()).select_from(self._row).where(*conditions), _named(filters)

    def _conditions(self, filters: tuple[str, ...]) -> Iterable[Any]:
        return self.filters.conditions({name: bindparam(f"p_{name}") for name in filters})

    def _written(self, columns: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """What the client writes, what the server does, and the time of it."""
        unknown = [name for name in columns if name not in self._columns]
        if unknown:
            raise TypeError(f"{', '.join(unknown)}: no column of {self._row.__tablename__}")
        written = {name: bindparam(f"p_{name}", type_=self._columns[name].type) for name in columns}
        stamps: dict[str, Any] = {}
        now: Any = func.now()
        if self._tracked:
            counted = next_change(self._row).c
            now, stamps["change"] = counted.at, counted.number
        if issubclass(self._row, Timestamps):
            stamps["updated_at"] = now
        return written, stamps, now


def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"p_{name}" for name in names)
