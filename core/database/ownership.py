"""Owner scoping: a statement that reads or writes an owned table without its owner does not compile."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import BinaryExpression, Column, Delete, Dialect, Insert, Join, Table, Update, bindparam
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BindParameter, BooleanClauseList, TextClause
from sqlalchemy.sql.selectable import FromClauseAlias, FromGrouping
from sqlmodel import SQLModel

OWNER_PARAMETER = "owner"
# Key of Column.info that marks the owner's column, and by it the table as owned: core.resources.models sets it.
OWNER_COLUMN = "owner_column"

# Stands for the current user's id in a statement. Only a repository supplies its value.
OWNER: Any = bindparam(OWNER_PARAMETER, None)

_CURE = "`{0} == OWNER` to its WHERE, or to an INSERT's values"
_OF_CONFLICT = "`where=col(….{0}) == OWNER` to on_conflict_do_update: the row that it meets can be somebody else's"
_PGCompiler: Any = PGDialect_psycopg2.statement_compiler


class UnscopedStatementError(Exception):
    """A statement reaches an owned table for more than one owner. The message says what to write."""


class OwnerCompiler(_PGCompiler):  # type: ignore[misc]
    """SQLAlchemy's compiler of PostgreSQL's SQL, which looks at each part as it is written down.

    Every SELECT, UPDATE and DELETE, nested ones too, compares the owner column of each owned table that it reads itself
    with OWNER, in its own WHERE or in an ON that bounds that table, and so does ON CONFLICT DO UPDATE; every row of an
    INSERT gives OWNER as the value of that column, and nothing else writes it. Text does not name an owned table: what
    it reaches cannot be seen. Raises UnscopedStatementError.
    """

    # Whether an owned table was found, and whether anything is written.
    owned = False
    writes = False

    def _setup_select_stack(self, select: Any, *args: Any) -> Any:
        """What a SELECT reads itself, without what an enclosing one has. This hook is private; no other one knows."""
        sources = super()._setup_select_stack(select, *args)
        self._require(sources, _compared(select.whereclause))
        return sources

    def visit_insert(self, insert_stmt: Insert, *args: Any, **options: Any) -> Any:
        self.writes = True
        self._require([insert_stmt.table], _inserted(insert_stmt))
        _reject_described_anew(insert_stmt.table)
        return super().visit_insert(insert_stmt, *args, **options)

    def visit_on_conflict_do_update(self, on_conflict: Any, **options: Any) -> Any:
        """What it meets can be a row of somebody else."""
        table = self.stack[-1]["selectable"].table
        self._require([table], _compared(on_conflict.update_whereclause), _OF_CONFLICT)
        _reject_new_owner(table, on_conflict.update_values_to_set)
        return super().visit_on_conflict_do_update(on_conflict, **options)

    def update_tables_clause(self, update_stmt: Update, from_table: Any, extra_froms: Any, **options: Any) -> Any:
        self.writes = True
        self._require([from_table, *extra_froms], _compared(update_stmt.whereclause))
        _reject_new_owner(update_stmt.table, _values(update_stmt))
        return super().update_tables_clause(update_stmt, from_table, extra_froms, **options)

    def delete_table_clause(self, delete_stmt: Delete, from_table: Any, extra_froms: Any, **options: Any) -> Any:
        self.writes = True
        self._require([from_table, *extra_froms], _compared(delete_stmt.whereclause))
        return super().delete_table_clause(delete_stmt, from_table, extra_froms, **options)

    def visit_textclause(self, textclause: TextClause, *args: Any, **options: Any) -> Any:
        _reject_hidden_table(textclause.text)
        return super().visit_textclause(textclause, *args, **options)

    def visit_column(self, column: Any, *args: Any, **options: Any) -> Any:
        """A column, which may be text."""
        if column.is_literal:
            _reject_hidden_table(column.name)
        return super().visit_column(column, *args, **options)

    def visit_table(self, table: Any, *args: Any, **options: Any) -> Any:
        """A table, which may be described anew."""
        _reject_described_anew(table)
        return super().visit_table(table, *args, **options)

    def _require(self, sources: Any, compared: set[tuple[Any, str]], cure: str = _CURE) -> None:
        for source in sources:
            for found, column, bounds in _bounded(source, compared):
                self.owned = True
                if (found, column.name) not in bounds:
                    raise UnscopedStatementError(
                        f"A statement on {column.table.name} has no owner: add {cure.format(column.name)}"
                    )


DIALECT: Dialect = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
DIALECT.statement_compiler = OwnerCompiler


def _bounded(source: Any, compared: set[tuple[Any, str]]) -> Iterator[tuple[Any, Any, set[tuple[Any, str]]]]:
    """Each owned table in a FROM element, as `_owned` gives it, with the comparisons that bound what is read of it:
    those of the WHERE, and of the ON of a join that leaves out of this table what does not match."""
    if isinstance(source, FromGrouping):
        yield from _bounded(source.element, compared)
    elif isinstance(source, FromClauseAlias) and isinstance(source.element, Join):
        yield from _bounded(source.element, set())  # no name is left by which its tables could be compared
    elif isinstance(source, Join):
        joined = set() if source.full else _compared(source.onclause)
        yield from _bounded(source.left, compared if source.isouter else compared | joined)
        yield from _bounded(source.right, compared | joined)
    else:
        yield from ((found, column, compared) for found, column in _owned(source))


def _reject_new_owner(table: Any, written: Mapping[Any, Any]) -> None:
    for _, column in _owned(table):
        if not written or column.name in map(_name, written):
            raise UnscopedStatementError(
                f"A statement gives rows of {column.table.name} to another owner: leave `{column.name}` out of its SET"
            )


def _reject_described_anew(table: Any) -> None:
    if not list(_owned(table)):
        _reject_hidden_table(table.name)


def _reject_hidden_table(text: str) -> None:
    owned = {column.table.name for table in SQLModel.metadata.tables.values() for _, column in _owned(table)}
    for name in owned.intersection(re.findall(r"\w+", text.lower())):
        raise UnscopedStatementError(f"A statement names {name} in text: use the table's class, and its owner with it")


def _owned(source: Any) -> Iterator[tuple[Any, Any]]:
    """Each owned table in a FROM element, by the name that it has there, with its owner column."""
    inner = source
    while isinstance(inner, FromClauseAlias | FromGrouping):
        inner = inner.element
    if isinstance(inner, Table):
        yield from ((source, column) for column in inner.columns if OWNER_COLUMN in column.info)


def _values(element: Any) -> dict[Any, Any]:
    """What is written, by column: of an INSERT from a SELECT, what stands in the column's place there."""
    source = getattr(element, "select", None)
    if source is not None:
        return dict(zip(element._select_names, getattr(source, "_raw_columns", ()), strict=False))
    return dict(getattr(element, "_values", None) or {})


def _inserted(element: Insert) -> set[tuple[Any, str]]:
    """The columns that get OWNER, and nothing else, in every row."""
    several = [_by_column(element, row) for rows in element._multi_values for row in rows]
    written = [pair for row in several or [_values(element)] for pair in row.items()]
    others = {_name(key) for key, value in written if not _is_owner(value)}
    return {(element.table, name) for key, _ in written if (name := _name(key)) not in others}


def _by_column(element: Insert, row: Any) -> dict[Any, Any]:
    return row if isinstance(row, dict) else dict(zip(element.table.columns, row, strict=False))


def _compared(clause: Any) -> set[tuple[Any, str]]:
    """What is compared with OWNER in the conjunction that is the WHERE: FROM elements and names of their columns."""
    return {
        (side.table, side.name)
        for condition in _conjunction(clause)
        if isinstance(condition, BinaryExpression) and condition.operator is operators.eq
        for side, other in ((condition.left, condition.right), (condition.right, condition.left))
        if isinstance(side, Column) and _is_owner(other)
    }


def _conjunction(clause: Any) -> Iterator[Any]:
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conjunction(part)
    elif clause is not None:
        yield clause


def _name(column: Any) -> str:
    return str(getattr(column, "name", column))


def _is_owner(value: object) -> bool:
    return isinstance(value, BindParameter) and value.key == OWNER_PARAMETER
