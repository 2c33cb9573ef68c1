"""The wall in every statement: one that touches an owned table without its owner does not compile."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Alias, BinaryExpression, Column, Delete, Insert, Join, Select, Table, Update, bindparam
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BindParameter, BooleanClauseList, ColumnElement

OWNER_PARAMETER = "owner"
# Key of Column.info that marks the owner's column, and by it the table as owned (set by core.models.OwnedTable).
OWNER_COLUMN = "owner_column"

# Stands for the caller's id in a statement. Only a repository supplies its value.
OWNER: Any = bindparam(OWNER_PARAMETER)


class UnscopedStatementError(Exception):
    """A statement reaches an owned table for more than one owner. The message says what to write."""


def require_owner(source: Any) -> bool:
    """Whether `source` touches an owned table. Raises UnscopedStatementError where it does so without OWNER.

    Every SELECT, UPDATE and DELETE, nested ones too, compares the owner column of each owned table with OWNER in
    its own WHERE; every INSERT gives OWNER as the value of that column.
    """
    owned = False
    for element in visitors.iterate(source):
        if isinstance(element, Insert):
            owned |= _check(_owned(element.table), _inserted(element))
        elif isinstance(element, Select):
            sources = [source for root in element.get_final_froms() for source in _flat(root)]
            owned |= _check([table for source in sources for table in _owned(source)], _compared(element))
        elif isinstance(element, Update | Delete):
            sources = [element.table, *_mentioned(element.whereclause)]
            owned |= _check([table for source in sources for table in _owned(source)], _compared(element))
    return owned


def _check(sources: list[tuple[str, str]], scoped: set[str]) -> bool:
    for name, column in sources:
        if name not in scoped:
            raise UnscopedStatementError(
                f"A statement on {name} has no owner: add `{column} == OWNER` to its WHERE, or to an INSERT's values"
            )
    return bool(sources)


def _owned(source: Any) -> list[tuple[str, str]]:
    """The name of a FROM element and its owner column, if the table behind it is owned."""
    table = source.element if isinstance(source, Alias) else source
    columns = table.columns if isinstance(table, Table) else ()
    return [(source.name, column.name) for column in columns if OWNER_COLUMN in column.info]


def _flat(source: Any) -> Iterator[Any]:
    if isinstance(source, Join):
        yield from _flat(source.left)
        yield from _flat(source.right)
    else:
        yield source


def _mentioned(clause: Any) -> Iterator[Any]:
    """The tables that a condition of UPDATE or DELETE draws in; nested SELECTs are checked by themselves."""
    for part in _conjunction(clause):
        for element in visitors.iterate(part):
            if isinstance(element, Select):
                break
            if isinstance(element, Column):
                yield element.table


def _inserted(element: Insert) -> set[str]:
    values: dict[Any, Any] = dict(getattr(element, "_values", None) or {})
    return {column.table.name for column, value in values.items() if _is_owner_column(column) and _is_owner(value)}


def _compared(element: Any) -> set[str]:
    """The FROM elements whose owner column is compared with OWNER in the conjunction that is the WHERE."""
    return {
        side.table.name
        for condition in _conjunction(element.whereclause)
        if isinstance(condition, BinaryExpression) and condition.operator is operators.eq
        for side, other in ((condition.left, condition.right), (condition.right, condition.left))
        if _is_owner_column(side) and _is_owner(other)
    }


def _conjunction(clause: ColumnElement[Any] | None) -> Iterator[Any]:
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conjunction(part)
    elif clause is not None:
        yield clause


def _is_owner_column(column: Any) -> bool:
    return isinstance(column, Column) and OWNER_COLUMN in column.info


def _is_owner(value: object) -> bool:
    return isinstance(value, BindParameter) and value.key == OWNER_PARAMETER
