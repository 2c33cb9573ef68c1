"""deploy/citus.sql: every table of the models is in it, each owned one by its owner, and PostgreSQL can read it."""

from collections.abc import Mapping

import pglast
import pytest
from sqlmodel import SQLModel

from core.database.table_schema import VERSIONS
from tests.architecture.distribution import LOCAL, owned
from tests.architecture.parse_tree import ast, walk
from tests.conftest import project_root

FILE = (project_root() / "deploy" / "citus.sql").read_text(encoding="utf-8")
DISTRIBUTED, REFERENCE = "create_distributed_table", "create_reference_table"


def calls(sql: str, function: str) -> list[list[str]]:
    """The arguments of each call, named ones as their values."""
    nodes = [node for one in pglast.parse_sql(sql) for node in walk(one.stmt)]
    found = [node for node in nodes if isinstance(node, ast.FuncCall) and node.funcname[-1].sval == function]
    return [[_value(argument) for argument in call.args] for call in found]


def _value(argument: object) -> str:
    argument = argument.arg if isinstance(argument, ast.NamedArgExpr) else argument
    return str(getattr(argument, "val", argument).sval)  # type: ignore[attr-defined]


def complaints(sql: str, owners: Mapping[str, str], tables: set[str]) -> list[str]:
    """What a table of the models lacks in it."""
    spread = {name.removeprefix("todo."): (owner, *beside) for name, owner, *beside in calls(sql, DISTRIBUTED)}
    everywhere = {name.removeprefix("todo.") for (name,) in calls(sql, REFERENCE)}
    first = next(iter(spread))
    wrong = [
        f"{table} has to be spread by {owner} beside the others"
        for table, owner in owners.items()
        if spread.get(table) != (owner, "none" if table == first else f"todo.{first}")
    ]
    others = tables - owners.keys() - LOCAL
    return wrong + [f"{table} has no owner: is it on every server, or on one?" for table in sorted(others - everywhere)]


def test_every_table_is_in_it() -> None:
    tables = {*SQLModel.metadata.tables, VERSIONS.name}
    assert complaints(FILE, owned(), tables) == []
    assert {*(name for name, *_ in calls(FILE, DISTRIBUTED)), *(name for (name,) in calls(FILE, REFERENCE))} == {
        f"todo.{name}" for name in tables - LOCAL
    }


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            "create_distributed_table('todo.tasks', 'user_id'",
            "create_distributed_table('todo.tasks', 'id'",
            "tasks has",
        ),
        ("SELECT create_reference_table('todo.sync_history');", "", "sync_history has no owner"),
        ("'todo.tombstones', 'user_id', colocate_with => 'todo.users'", "'todo.tombstones', 'user_id'", "tombstones"),
    ],
)
def test_what_is_planted_is_found(before: str, after: str, sentence: str) -> None:
    assert before in FILE
    (found,) = complaints(FILE.replace(before, after), owned(), {*SQLModel.metadata.tables})
    assert found.startswith(sentence)


def test_what_refers_to_users_from_one_server_is_let_go() -> None:
    """By the names that the constraints have."""
    dropped = {
        node.name for one in pglast.parse_sql(FILE) for node in walk(one.stmt) if type(node).__name__ == "AlterTableCmd"
    }
    names = {
        str(key.constraint.name)
        for table in LOCAL
        for key in SQLModel.metadata.tables[table].foreign_keys
        if key.constraint
    }
    assert dropped == names
