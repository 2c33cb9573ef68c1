"""The wall in every statement: one that touches an owned table without its owner does not compile."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import BinaryExpression, Column, Delete, Insert, Join, Select, Table, TableClause, Update, bindparam
from sqlalchemy.dialects.postgresql.dml import OnConflictDoUpdate
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BindParameter, BooleanClauseList, ClauseElement, ColumnClause, TextClause
from sqlalchemy.sql.selectable import FromClauseAlias, FromGrouping, Values
from sqlmodel import SQLModel

OWNER_PARAMETER = "owner"
# Key of Column.info that marks the owner's column, and by it the table as owned: core.resources.models sets it.
OWNER_COLUMN = "owner_column"

# Stands for the caller's id in a statement. Only a repository supplies its value.
OWNER: Any = bindparam(OWNER_PARAMETER)


class UnscopedStatementError(Exception):
    """A statement reaches an owned table for more than one owner. The message says what to write."""


def require_owner(source: Any) -> bool:
    """Whether `source` touches an owned table. Raises UnscopedStatementError where it does so without OWNER.

    Every SELECT, UPDATE and DELETE, nested ones too, compares the owner column of each owned table with OWNER in
    its own WHERE, and so does ON CONFLICT DO UPDATE; every INSERT gives OWNER as the value of that column, and
    nothing else writes it. Text does not name an owned table: what it reaches cannot be seen.
    """
    owned = False
    for element in _elements(source):
        if isinstance(element, Insert):
            owned |= _check([element.table], _inserted(element))
            _check_upsert(element)
        elif isinstance(element, Select):
            owned |= _check(element.get_final_froms(), _compared(element.whereclause))
        elif isinstance(element, Update | Delete):
            written = _values(element)
            clauses = [element.whereclause, *written.values(), *element._returning]
            others = set(chain(*(getattr(clause, "_from_objects", ()) for clause in clauses))) - {element.table}
            owned |= _check([element.table, *others], _compared(element.whereclause))
            # A CTE or subquery that is named by its columns alone: SQLAlchemy's traversal does not enter it.
            for inner in {source.element for source in others if hasattr(source, "element")}:
                owned |= require_owner(inner)
            if isinstance(element, Update):
                _refuse_new_owner(element.table, written)
        else:
            _refuse_hidden_table(element)
    return owned


def _elements(source: Any) -> Iterator[Any]:
    """All parts of a statement, also what SQLAlchemy's traversal leaves out: rows of VALUES, prefixes, suffixes."""
    for element in visitors.iterate(source):
        yield element
        rows = element._data if isinstance(element, Values) else getattr(element, "_multi_values", ())
        texts = (*getattr(element, "_prefixes", ()), *getattr(element, "_suffixes", ()))
        for row in chain(*rows, texts):
            for value in row.values() if isinstance(row, dict) else row:
                if isinstance(value, ClauseElement):
                    yield from _elements(value)


def _check(sources: Any, scoped: set[tuple[Any, str]]) -> bool:
    owned = [found for source in sources for found in _owned(source)]
    for source, column in owned:
        if (source, column.name) not in scoped:
            raise UnscopedStatementError(
                f"A statement on {column.table.name} has no owner: "
                f"add `{column.name} == OWNER` to its WHERE, or to an INSERT's values"
            )
    return bool(owned)


def _check_upsert(element: Insert) -> None:
    """What ON CONFLICT DO UPDATE meets can be a row of somebody else."""
    clause = element._post_values_clause
    for part in visitors.iterate(clause) if clause is not None else ():
        if isinstance(part, OnConflictDoUpdate):
            _check([element.table], _compared(part.update_whereclause))
            _refuse_new_owner(element.table, part.update_values_to_set)


def _refuse_new_owner(table: Any, written: Mapping[Any, Any]) -> None:
    for _, column in _owned(table):
        if not written or column.name in map(_name, written):
            raise UnscopedStatementError(
                f"A statement gives rows of {column.table.name} to another owner: leave `{column.name}` out of its SET"
            )


def _refuse_hidden_table(element: Any) -> None:
    if isinstance(element, TextClause):
        text = element.text
    elif (isinstance(element, ColumnClause) and element.is_literal) or (
        isinstance(element, TableClause) and not list(_owned(element))
    ):
        text = element.name
    else:
        return
    owned = {column.table.name for table in SQLModel.metadata.tables.values() for _, column in _owned(table)}
    for name in owned.intersection(re.findall(r"\w+", text.lower())):
        raise UnscopedStatementError(f"A statement names {name} in text: use the table's class, and its owner with it")


def _owned(source: Any) -> Iterator[tuple[Any, Any]]:
    """Each owned table in a FROM element, by the name that it has there, with its owner column."""
    inner = source
    while isinstance(inner, FromClauseAlias | FromGrouping):
        inner = inner.element
    if isinstance(inner, Join):
        yield from _owned(inner.left)
        yield from _owned(inner.right)
    elif isinstance(inner, Table):
        yield from ((source, column) for column in inner.columns if OWNER_COLUMN in column.info)


def _values(element: Any) -> dict[Any, Any]:
    """What is written, by column: of an INSERT from a SELECT, what stands in the column's place there."""
    source = getattr(element, "select", None)
    if source is not None:
        return dict(zip(element._select_names, getattr(source, "_raw_columns", ()), strict=False))
    return dict(getattr(element, "_values", None) or {})


def _inserted(element: Insert) -> set[tuple[Any, str]]:
    names = {_name(key) for key in _values(element)}
    others = {_name(key) for key, value in _values(element).items() if not _is_owner(value)}
    return {(element.table, name) for name in names - others}


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
