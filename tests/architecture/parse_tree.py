"""Reads SQL with PostgreSQL's own parser: what a statement writes, which tables it reads, and by which owner."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pglast
from pglast.enums import A_Expr_Kind, BoolExprType, JoinType

# By its types everything may be missing everywhere.
ast: Any = pglast.ast

QUERIES = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)


@dataclass
class Source:
    """A table where a query names it, and the constants that its columns are compared with there, or given."""

    table: str
    schema: str | None
    alias: str
    compared: dict[str, set[Any]] = field(default_factory=dict)


def statements(sql: str) -> list[Any]:
    """The statements of a message that read or write rows."""
    return [one.stmt for one in pglast.parse_sql(sql) if isinstance(one.stmt, QUERIES)]


def walk(node: Any, *, nested: bool = True) -> Iterator[Any]:
    """A node and all below it; without `nested` not into the queries below it."""
    if isinstance(node, tuple):
        for one in node:
            yield from walk(one, nested=nested)
    elif isinstance(node, ast.Node):
        yield node
        for name in node:
            below = getattr(node, name)
            if nested or not isinstance(below, QUERIES):
                yield from walk(below, nested=nested)


def queries(statement: Any) -> Iterator[Any]:
    """A statement, its CTEs and all of its subqueries."""
    return (node for node in walk(statement) if isinstance(node, QUERIES))


def named_inside(statement: Any) -> set[str]:
    """The names of its CTEs."""
    return {node.ctename for node in walk(statement) if isinstance(node, ast.CommonTableExpr)}


def sources(query: Any) -> Iterator[Source]:
    """The tables that a query names itself, those of subqueries left out."""
    where = getattr(query, "whereClause", None)
    if isinstance(query, ast.InsertStmt):
        written = _source(query.relation)
        written.compared = _inserted(query)
        yield written
        return
    if isinstance(query, ast.UpdateStmt | ast.DeleteStmt):
        yield _compared(_source(query.relation), [where])
    for item in _from(query):
        yield from _joined(item, [where])


def _from(query: Any) -> tuple[Any, ...]:
    return getattr(query, "fromClause", None) or getattr(query, "usingClause", None) or ()


def _joined(item: Any, bounds: list[Any]) -> Iterator[Source]:
    """Each table of a FROM element, with the WHERE, and the ON that leaves out of this table what does not match."""
    if isinstance(item, ast.RangeVar):
        yield _compared(_source(item), bounds)
    elif isinstance(item, ast.JoinExpr):
        inner, left = item.jointype == JoinType.JOIN_INNER, item.jointype == JoinType.JOIN_LEFT
        yield from _joined(item.larg, [*bounds, item.quals] if inner else bounds)
        yield from _joined(item.rarg, [*bounds, item.quals] if inner or left else bounds)


def _source(item: Any) -> Source:
    return Source(item.relname, item.schemaname, item.alias.aliasname if item.alias else item.relname)


def _compared(source: Source, bounds: list[Any]) -> Source:
    for one in (part for bound in bounds for part in _conjunction(bound)):
        if not (isinstance(one, ast.A_Expr) and one.kind == A_Expr_Kind.AEXPR_OP and one.name[-1].sval == "="):
            continue
        for column, other in ((one.lexpr, one.rexpr), (one.rexpr, one.lexpr)):
            if isinstance(column, ast.ColumnRef) and _is_of(column, source) and (value := constant(other)) is not None:
                source.compared.setdefault(column.fields[-1].sval, set()).add(value)
    return source


def _conjunction(bound: Any) -> Iterator[Any]:
    if isinstance(bound, ast.BoolExpr) and bound.boolop == BoolExprType.AND_EXPR:
        for part in bound.args:
            yield from _conjunction(part)
    elif bound is not None:
        yield bound


def _is_of(column: Any, source: Source) -> bool:
    qualifiers = [one.sval for one in column.fields[:-1]]
    return qualifiers in ([], [source.alias], [source.schema, source.table])


def constant(node: Any) -> Any:
    """The value of a literal, None where it is none."""
    if isinstance(node, ast.TypeCast):
        return constant(node.arg)
    if not isinstance(node, ast.A_Const) or node.isnull:
        return None
    value = node.val
    return getattr(value, "sval", None) or getattr(value, "ival", None) or str(value)


def _inserted(insert: Any) -> dict[str, set[Any]]:
    """The columns that get a constant in every row."""
    select = insert.selectStmt
    rows = select.valuesLists or [tuple(one.val for one in select.targetList or ())] if select else []
    found: dict[str, set[Any]] = {}
    for place, column in enumerate(insert.cols or ()):
        values = [constant(row[place]) if place < len(row) else None for row in rows]
        if values and None not in values:
            found[column.name] = set(values)
    return found
