"""What an engine that spreads owners over servers rejects, or sends to all of them: found without one.

Each rule is what Citus 13.2 was seen to do (docs/scaling.md). Of each message as it was sent, of keys, and of locks.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlmodel import SQLModel

import main  # noqa: F401 (with it come all slices)
from core.database.json_rows import ONE_COLUMN
from core.database.ownership import OWNER_COLUMN
from tests.architecture import parse_tree
from tests.architecture.parse_tree import Source, ast, walk
from tests.ownership_tripwire import MORE_THAN_THAT, NAME_OR_VALUE

# On one server alone: people who sign up here are looked for by their address, and by the id of a session.
LOCAL = {"local_accounts", "local_sessions", "sign_in_throttles"}
# What gives the same whenever and wherever it is called, with the types that it has here; and within a transaction.
IMMUTABLE = {"timezone", "lower", "count", "max", "min", "sum", "char_length", "hashtextextended"}
STABLE = {"now", "statement_timestamp", "transaction_timestamp"}
_EXCLUDED = (
    ", which is worked out on each server and is rejected there: give it to the INSERT's values, and write "
    "`excluded.…` of them in `set_`, or a parameter"
)
_PARAMETER = re.compile(r"%\(\w+\)s")
_LOCKS = ("pg_advisory", "pg_try_advisory")


def owned() -> dict[str, str]:
    """Of every table with an owner, the column that says who."""
    return {one.name: owner for one in SQLModel.metadata.tables.values() if (owner := owner_of(one))}


def owner_of(table: Table) -> str | None:
    """The column that says whose a row is; None where nobody's."""
    return next((column.name for column in table.columns if OWNER_COLUMN in column.info), None)


def refused(sql: str) -> tuple[str, ...]:
    """What is wrong with a message; of what is about local accounts alone, or about no table of ours, nothing."""
    return _refused(_shape(sql))


def _shape(sql: str) -> str:
    """The same with other values, equal where they were: parsing takes long, and there are few shapes."""
    values: dict[str, str] = {}

    def place(found: re.Match[str]) -> str:
        if found[1] or not found[0].endswith("'"):
            return found[0] if found[1] else "1"
        return values.setdefault(found[0], f"'v{len(values)}'")

    return sql if MORE_THAN_THAT.search(sql) else NAME_OR_VALUE.sub(place, sql)


@cache
def _refused(sql: str) -> tuple[str, ...]:
    found = parse_tree.statements(sql)
    wrong = [sentence for one in found if not _is_local(one) for sentence in _judged(one)]
    return (*wrong, *(["more than one statement in a message"] if len(found) > 1 else []))


def _is_local(statement: Any) -> bool:
    named = {node.relname for node in walk(statement) if isinstance(node, ast.RangeVar)}
    return named <= LOCAL and bool(named)


def _judged(statement: Any) -> Iterator[str]:
    inside = parse_tree.named_inside(statement)
    found = [one for query in parse_tree.queries(statement) for one in parse_tree.sources(query)]
    found = [one for one in found if one.schema or one.table not in inside]
    yield from _owners(found)
    for query in parse_tree.queries(statement):
        if isinstance(query, ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt):
            yield from _written(query)
        elif isinstance(query, ast.SelectStmt):
            yield from _locks(query)


def _owners(found: list[Source]) -> Iterator[str]:
    """Each table has its owner, and all have the same."""
    columns = owned()
    mine = [(one, one.compared.get(columns[one.table], set())) for one in found if one.table in columns]
    for one, owners in mine:
        if not owners:
            yield f"{one.table} without its owner: it goes to every shard"
    owners = {str(owner) for _, each in mine for owner in each}
    if len(owners) > 1:
        yield "more than one owner in a statement"
    if mine and (local := sorted({one.table for one in found} & LOCAL)):
        yield f"{', '.join(local)} is on one server alone, and its owner's rows are elsewhere"


def _locks(query: Any) -> Iterator[str]:
    """An advisory lock is taken where the query runs: that is where the rows are that it reads."""
    called = [
        one for item in query.targetList or () for one in walk(item, nested=False) if _name(one).startswith(_LOCKS)
    ]
    below = [one for item in query.fromClause or () for one in walk(item) if isinstance(one, ast.RangeVar)]
    if called and not any(one.relname in owned() for one in below):
        yield "an advisory lock without its owner's rows: it is taken on the node that was asked"


def _written(query: Any) -> Iterator[str]:
    returned, conflict = query.returningClause, getattr(query, "onConflictClause", None)
    if any(map(_is_mutable, walk(returned))) and not _is_of_one_server(returned):
        yield "a function of the time in RETURNING"
    if any(map(_is_mutable, walk(conflict))):
        yield f"a function of the time in ON CONFLICT{_EXCLUDED}"
    if not isinstance(query, ast.InsertStmt):
        yield from _changed([one.val for one in getattr(query, "targetList", ())] + [query.whereClause])
        return
    given = (query.selectStmt, returned) if query.selectStmt and query.selectStmt.valuesLists else ()
    if any(isinstance(node, ast.SubLink) for node in walk(given)):
        yield "a subquery in INSERT … VALUES"


def _is_of_one_server(returned: Any) -> bool:
    """Whether it is what core.database.json_rows makes, which no engine that spreads rows is sent."""
    return [one.name for one in returned.exprs] == [ONE_COLUMN]


def _changed(parts: list[Any]) -> Iterator[str]:
    """What an UPDATE sets, and the WHERE. In an INSERT all is worked out before it is sent on."""
    own = [node for part in parts for node in walk(part, nested=False)]
    if any(_is_volatile(node) for part in parts for node in walk(part)):
        yield "a volatile function in an UPDATE or DELETE"
    if any(_is_stable(node) and _has_column(node) for node in own):
        yield "a function of the time or the zone on a column in an UPDATE or DELETE"
    choices = [node for node in own if isinstance(node, ast.CaseExpr | ast.CoalesceExpr)]
    if any(_is_mutable(node) for choice in choices for node in walk(choice)):
        yield "a function of the time in CASE or COALESCE"


def _is_mutable(node: Any) -> bool:
    return _is_stable(node) or _is_volatile(node)


def _is_volatile(node: Any) -> bool:
    name = _name(node)
    return bool(name) and name not in IMMUTABLE and name not in STABLE


def _is_stable(node: Any) -> bool:
    """The time; and a time with a zone to which an interval is added, whose days depend on the zone."""
    if isinstance(node, ast.A_Expr) and node.name[-1].sval in ("+", "-"):
        sides = node.lexpr, node.rexpr
        return any(map(_is_interval, sides)) and "timezone" not in map(_name, sides)
    return isinstance(node, ast.SQLValueFunction) or _name(node) in STABLE


def _is_interval(node: Any) -> bool:
    return isinstance(node, ast.TypeCast) and node.typeName.names[-1].sval == "interval"


def _has_column(node: Any) -> bool:
    return any(isinstance(one, ast.ColumnRef) for one in walk(node))


def _name(node: Any) -> str:
    """Of the function that is called, or empty."""
    return node.funcname[-1].sval if isinstance(node, ast.FuncCall) else ""


def is_cut(text: str) -> bool:
    """Whether the engine would cut a compiled text in parts: an INSERT … SELECT that another write is a part of."""
    found = [query for one in parse_tree.statements(_PARAMETER.sub("'x'", text)) for query in parse_tree.queries(one)]
    writes = [one for one in found if isinstance(one, parse_tree.WRITES)]
    inserts = [one.selectStmt for one in writes if isinstance(one, ast.InsertStmt) and one.selectStmt]
    return len(writes) > 1 and any(not source.valuesLists for source in inserts)


def keys(table: Table) -> Iterator[str]:
    """What is wrong with the keys of a table: uniqueness holds within a shard, and a reference leads within one."""
    owner = owner_of(table)
    unique = [one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)]
    for one in (*unique, *(index for index in table.indexes if index.unique)):
        if owner and owner not in [column.name for column in one.columns]:
            yield f"{one.name} is without the owner"
    for key in (one for one in table.constraints if isinstance(one, ForeignKeyConstraint)):
        pairs = [(one.parent.name, one.column.name) for one in key.elements]
        target = owner_of(key.referred_table)
        if target and (owner, target) not in pairs:
            yield f"{key.name} leads to rows of another shard"
