"""Reads SQL as it was sent: whether it reaches an owned table without its owner, or a table without its schema."""

import re
from functools import cache

from sqlglot import exp, parse
from sqlmodel import SQLModel

import main  # noqa: F401 (with it come all slices)
from core.database.ownership import OWNER_COLUMN

# Of every table with an owner, the column that says who: the core's and the slices'.
OWNED = {
    table.name: column.name
    for table in SQLModel.metadata.tables.values()
    for column in table.columns
    if OWNER_COLUMN in column.info
}

# A name in quotes, which stays; a string, with its quotes doubled or behind backslashes, and a number.
NAME_OR_VALUE = re.compile(
    r"""("(?:[^"]|"")*")|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|(?<![\w.])\d+(?:\.\d+)?(?![\w.])""", re.DOTALL
)
# Behind these a quote need not begin a string.
MORE_THAN_THAT = re.compile(r"--|/\*|\$")


def unscoped(sql: str) -> bool:
    """Whether any statement in `sql` reads or writes an owned table for more than one owner."""
    return _verdicts(_shape(sql))[0]


def unqualified(sql: str) -> bool:
    """Whether any statement in `sql` names a table that the search path would choose."""
    return _verdicts(_shape(sql))[1]


def _shape(sql: str) -> str:
    """The same with other values, which change neither verdict: parsing takes long, and there are few shapes."""
    shape = NAME_OR_VALUE.sub(lambda found: found[1] or ("'x'" if found[0].endswith("'") else "1"), sql)
    return sql if MORE_THAN_THAT.search(shape) else shape


@cache
def _verdicts(sql: str) -> tuple[bool, bool]:
    statements = [statement for statement in parse(sql, dialect="postgres") if statement is not None]
    return any(map(_unscoped, statements)), any(map(_unqualified, statements))


def _unqualified(statement: exp.Expr) -> bool:
    within = {cte.alias for cte in statement.find_all(exp.CTE)}
    return any(
        isinstance(table.this, exp.Identifier) and not table.db and table.name not in within
        for table in statement.find_all(exp.Table)
    )


def _unscoped(statement: exp.Expr) -> bool:
    for scope in statement.find_all(exp.Select, exp.Update, exp.Delete):
        for table in _sources(scope):
            column = OWNED.get(table.name)
            if column is not None and not _compares(scope, table.alias_or_name, column):
                return True
    for insertion in statement.find_all(exp.Insert):
        target = insertion.this
        table = target.this if isinstance(target, exp.Schema) else target
        column = OWNED.get(table.name)
        if column is not None and column not in [name.name for name in getattr(target, "expressions", [])]:
            return True
    return False


def _sources(scope: exp.Expr) -> list[exp.Table]:
    """The tables that this SELECT, UPDATE or DELETE names itself; a nested SELECT is looked at by itself."""
    return [table for table in scope.find_all(exp.Table) if _nearest(table) is scope]


def _nearest(node: exp.Expression) -> exp.Expression | None:
    return node.find_ancestor(exp.Select, exp.Update, exp.Delete, exp.Insert)


def _compares(scope: exp.Expression, table: str, column: str) -> bool:
    """Whether the WHERE, or the ON that leaves out of this table what does not match, compares its owner column with a
    literal, for all that it lets through."""
    where = scope.args.get("where")
    found = [where.this] if where else []
    bounding = [join for join in scope.args.get("joins") or () if join.args.get("side") in (None, "", "LEFT")]
    found += [join.args["on"] for join in bounding if join.this.alias_or_name == table and join.args.get("on")]
    conditions = [part for one in found for part in (one.flatten() if isinstance(one, exp.And) else [one])]
    return any(
        isinstance(condition, exp.EQ)
        and isinstance(condition.left, exp.Column)
        and condition.left.name == column
        and condition.left.table in ("", table)
        and isinstance(condition.right, exp.Literal)
        for condition in conditions
    )
