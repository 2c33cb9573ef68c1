"""The SQL of one owned table: what core.resources.rows makes statements of."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import QueryableAttribute
from sqlmodel import select

from core.database.limits import unseen
from core.database.ownership import OWNER
from core.resources import feed
from core.resources.changes import ChangeTracked, next_change, number_of
from core.resources.filters import Filters
from core.resources.models import TIMESTAMP, Timestamps
from core.resources.tombstones import leave_tombstone, of_row, remove_tombstone

Columns = Mapping[str, Any]
# SQL, and the names of its bound parameters in the order of the values.
Built = tuple[Any, tuple[str, ...]]

# How long after it was deleted a row is put back where it stood.
UNDONE = timedelta(days=1)
_OWN = {"user_id", "id", "version", "created_at", "updated_at", "change"}  # what the server writes by itself
_ID = ("p_id",)
_AFTER = ("p_after", "p_after_id")


class RowSql:
    """Each method gives the SQL of one statement in a variant. The arguments are those of Rows."""

    def __init__(
        self,
        table: Any,
        filters: Filters,
        sorts: Mapping[str, Any] | None,
        follow: Callable[[Columns, Columns, Any], Columns],
    ) -> None:
        self.row: Any = table
        self.columns: Any = vars(table)["__table__"].columns
        self.name = str(table.__tablename__)
        self.tracked = issubclass(table, ChangeTracked)
        self.filters, self._follow = filters, follow
        self.sorts: Mapping[str, Any] = {"created_at": self.columns.created_at} if sorts is None else sorts

    def writable(self) -> tuple[str, ...]:
        """The columns that a client may write."""
        nulls = dict.fromkeys(self.columns.keys(), null())
        own = _OWN.union(self._follow(nulls, nulls, null()))
        return tuple(one.name for one in self.columns if one.name not in own and one.computed is None)

    def mine(self, *conditions: Any) -> list[Any]:
        """The owner's rows, of which the conditions hold."""
        return [self.columns.user_id == OWNER, *conditions]

    def _this(self, *, matched: bool) -> list[Any]:
        versions = [self.columns.version == any_(bindparam("p_versions"))] if matched else []
        return self.mine(self.columns.id == bindparam("p_id"), *versions)

    def find(self) -> Built:
        """One row."""
        return select(self.row).where(*self._this(matched=False)), _ID

    def create(self, columns: tuple[str, ...]) -> Built:
        """A new row."""
        values, _ = self._made(columns)
        source = select(*values.values())
        return insert(self.row).from_select([*values], source).returning(self.row), (*_ID, *parameters(columns))

    def change(self, columns: tuple[str, ...], matched: bool) -> Built:
        """Writes columns of a row."""
        changed = update(self.row).where(*self._this(matched=matched)).values(self.changed(columns))
        return changed.returning(self.row), (*_of_this(matched), *parameters(columns))

    def remove(self, matched: bool) -> Built:
        """Removes a row; gives the number of the change, 1 where none are counted."""
        if self.tracked:
            return self.removed(*self._this(matched=matched)), _of_this(matched)
        return delete(self.row).where(*self._this(matched=matched)).returning(literal(1)), _of_this(matched)

    def put(self, columns: tuple[str, ...], keyed: bool) -> Built:
        """A row under an id of the client's own, where there is none, and without a key none was deleted.

        What this sees of the owner's rows is from before it waited for those who change them: it makes no row where
        one of them did meanwhile. The version is the number of the change: no row of this id had it before.
        """
        values, now = self._made(columns)
        row_id, number = bindparam("p_id", type_=self.columns.id.type), values["change"]
        values["version"] = number
        conditions = [number == number_of(self.row) + 1]
        if keyed:
            restored = remove_tombstone(self.name, row_id, *conditions)
            recent = select(restored.c.deleted_at).where(restored.c.deleted_at > now - UNDONE).exists()
            made = bindparam("p_created_at", type_=TIMESTAMP)
            values["created_at"] = case((and_(recent, made <= now), made), else_=now)
        else:
            conditions.append(~exists().where(*of_row(self.name, row_id)))
        source = select(*values.values()).where(*conditions)
        new = upsert(self.row).from_select([*values], source)
        new = new.on_conflict_do_nothing(index_elements=["user_id", "id"])
        given = (*_ID, "p_created_at") if keyed else _ID
        return new.returning(self.row), (*given, *parameters(columns))

    def changes(self, after: bool) -> Built:
        """One page of the feed."""
        return feed.statement_of(self.row, after=after)

    def page(self, sort: str, filters: tuple[str, ...], after: bool) -> Built:
        """A page of the list."""
        key, row_id, down = self.sorts[sort.removeprefix("-")], self.columns.id, sort.startswith("-")
        conditions = self.mine(*self.conditions(filters))
        if after:
            place, start = tuple_(key, row_id), tuple_(*map(bindparam, _AFTER))
            conditions.append(place < start if down else place > start)
        order = [key.desc(), row_id.desc()] if down else [key, row_id]
        none: Any = cast(null(), Text)
        text, number = none if column_of(key) else cast(key, Text), number_of(self.row) if self.tracked else none
        page = select(self.row, text, number).where(*conditions).order_by(*order).limit(unseen(bindparam("p_limit")))
        return page, ("p_limit", *(_AFTER if after else ()), *parameters(filters))

    def number(self) -> Built:
        """The number of the owner's changes."""
        return select(number_of(self.row)), ()

    def count(self, filters: tuple[str, ...]) -> Built:
        """How many rows pass the filters."""
        conditions = self.mine(*self.conditions(filters))
        return select(func.count()).select_from(self.row).where(*conditions), parameters(filters)

    def conditions(self, filters: tuple[str, ...]) -> Iterable[Any]:
        """Those of filters, each with a parameter of its name."""
        return self.filters.conditions({name: bindparam(f"p_{name}") for name in filters})

    def removed(self, *conditions: Any) -> Any:
        """Rows that go, and their tombstones."""
        counted = next_change(self.row)
        # The number is taken first, as by every other write, so that no two wait for each other; a join costs more.
        first = select(counted.c.number).scalar_subquery().is_not(None)
        gone = delete(self.row).where(*conditions, first).returning(self.columns.id).cte("removed")
        return leave_tombstone(self.name, gone, counted)

    def changed(self, columns: tuple[str, ...]) -> Columns:
        """The values of columns that are written anew, and what the server writes with them."""
        written, stamps, now = self._written(columns)
        stamps["version"] = self.columns.version + 1
        return {**written, **self._follow(written, self.columns, now), **stamps}

    def _made(self, columns: tuple[str, ...]) -> tuple[dict[str, Any], Any]:
        """The values of a new row, and the time of its making."""
        written, stamps, now = self._written(columns)
        before = dict.fromkeys(self.columns.keys(), null())
        values = {"user_id": OWNER, "id": bindparam("p_id"), **written, **self._follow(written, before, now), **stamps}
        if issubclass(self.row, Timestamps):
            values["created_at"] = now
        return values, now

    def _written(self, columns: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """What the client writes, what the server does, and the time of it."""
        if unknown := [name for name in columns if name not in self.columns]:
            raise TypeError(f"{', '.join(unknown)}: no column of {self.row.__tablename__}")
        written = {name: bindparam(f"p_{name}", type_=self.columns[name].type) for name in columns}
        stamps: dict[str, Any] = {}
        now: Any = func.now()
        if self.tracked:
            counted = next_change(self.row).c
            now, stamps["change"] = counted.at, counted.number
        if issubclass(self.row, Timestamps):
            stamps["updated_at"] = now
        return written, stamps, now


def column_of(key: Any) -> str | None:
    """The name of the column that a sort is; None for an expression, whose value a row has not."""
    return str(key.key) if isinstance(key, Column | QueryableAttribute) else None


def _of_this(matched: bool) -> tuple[str, ...]:
    return (*_ID, "p_versions") if matched else _ID


def parameters(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"p_{name}" for name in names)
