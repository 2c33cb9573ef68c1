"""Every statement finds its rows by an index, whatever the size of its tables."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest

from core import driver
from tests.architecture import statements
from tests.conftest import TestDatabase

# A table of one row.
SMALL = {"alembic_version"}

# With sequential scans forbidden PostgreSQL still does one where no index serves, however few rows there are.
_NO_OTHER_WAY = "SET enable_seqscan = off"


@pytest.fixture(scope="module")
def explain(make_database: Callable[[], TestDatabase]) -> Iterator[Callable[..., dict[str, Any]]]:
    """The plan of a statement, as PostgreSQL would run it."""
    driver.prepare()
    connection = psycopg2.connect(make_database().url)
    cursor = connection.cursor()
    cursor.execute(_NO_OTHER_WAY)

    def plan(sql: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
        ((found,),) = cursor.fetchall()
        root: dict[str, Any] = found[0]["Plan"]
        return root

    yield plan
    connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def complaints(plan: dict[str, Any], *, sorts: bool = False) -> list[str]:
    """What would cost more with every row that is added; with `sorts` a sort of what was found is meant."""
    found = []
    for node in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name")
        if kind == "Seq Scan" and table not in SMALL:
            found.append(f"reads all of {table}: it needs an index")
        if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan") and "Index Cond" not in node:
            found.append(f"walks all of {node['Index Name']}: it needs a condition on its first column")
        if kind == "Sort" and not sorts:
            found.append(f"sorts all that it finds by {node['Sort Key']}: it needs an index in that order")
    return found


def test_every_statement_finds_its_rows_by_an_index(explain: Callable[..., dict[str, Any]]) -> None:
    """A new statement is looked at as soon as it exists; what its parameters are called with is in statements.py."""
    wrong = {}
    for label, query in statements.queries():
        # A filter with a sort that its index does not have: tests/modules/tasks/test_plans.py says when which is used.
        narrowed = "_page" in label and not label.endswith("'frozenset()']")
        if bad := complaints(explain(query.statement.sql, query.values), sorts=narrowed):
            wrong[label] = bad
    assert wrong == {}


def test_the_statements_are_found() -> None:
    assert len(statements.found()) >= 29
    assert {"core.health._revision", "modules.tasks.repository._page"} <= statements.found().keys()


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT * FROM tasks WHERE title = 'x'", "needs a"),
        ("SELECT * FROM tasks WHERE description = 'x'", "needs a"),
        ("SELECT * FROM users WHERE email = 'x'", "needs a"),
        ("SELECT * FROM tasks WHERE user_id = 'x' ORDER BY description", "sorts all that it finds by"),
        ("DELETE FROM local_sessions WHERE expires_at < now()", "needs a"),
        ("UPDATE tasks SET title = '' WHERE id = '00000000-0000-0000-0000-000000000000'", "needs a"),
    ],
)
def test_a_statement_without_an_index_is_complained_of(
    explain: Callable[..., dict[str, Any]], sql: str, complaint: str
) -> None:
    assert any(complaint in one for one in complaints(explain(sql)))
