"""Reads EXECUTE as the statement that it stands for, so that what was sent can be judged whatever it was sent as."""

import re

import pglast

from core.database.delegation import FUNCTION
from tests.architecture import parse_tree
from tests.architecture.parse_tree import ast

_DELEGATED = f"SELECT * FROM todo.{FUNCTION}("
# As core.database.prepared_statements makes them.
_BEFORE = r"(?:SET plan_cache_mode = \w+; )?(?:DEALLOCATE todo_\w+; )?"
_PREPARE = re.compile(_BEFORE + r"PREPARE (todo_\w+)(?:\([^)]*\))? AS (.*?); (?=EXECUTE \1\b)", re.DOTALL)
_EXECUTE = re.compile(r"EXECUTE (todo_\w+)(\()?")
_PLACE = re.compile(r"\$(\d+)")
# A string, in which a backslash means something behind E alone, or anything else that tells where a value ends.
_TOKEN = re.compile(r"[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|[^'()\[\],eE]+|[()\[\],eE]", re.DOTALL)


def plain(sql: str, texts: dict[str, str]) -> str:
    """`sql` with the values in their places and without what prepares; `texts` has what was prepared, and learns.

    Of what the owner's server is to run, that.
    """
    if _DELEGATED in sql:
        return "; ".join(map(_inside, pglast.split(sql)))
    sql = sql.replace("DISCARD PLANS; ", "", 1)
    prepared = _PREPARE.search(sql)
    if prepared:
        texts[prepared[1]] = prepared[2]
        sql = sql[: prepared.start()] + sql[prepared.end() :]
    executed = _EXECUTE.search(sql)
    if executed is None or executed[1] not in texts:
        return sql
    values, end = _values(sql, executed.end()) if executed[2] else ([], executed.end())
    text = _PLACE.sub(lambda found: values[int(found[1]) - 1], texts[executed[1]])
    return sql[: executed.start()] + text + sql[end:]


def _inside(sql: str) -> str:
    """What a statement of a message has the owner's server run; or itself."""
    if not sql.startswith(_DELEGATED):
        return sql
    (call,) = (one for one in parse_tree.walk(pglast.parse_sql(sql)[0].stmt) if isinstance(one, ast.FuncCall))
    return str(call.args[1].val.sval)


def _values(sql: str, start: int) -> tuple[list[str], int]:
    """The values from behind a bracket on, and where what follows the closing one begins."""
    values, depth = [""], 1
    for token in _TOKEN.finditer(sql, start):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token[0], 0)
        if not depth:
            return [one.strip() for one in values], token.end()
        if token[0] == "," and depth == 1:
            values.append("")
        else:
            values[-1] += token[0]
    raise AssertionError(sql)
