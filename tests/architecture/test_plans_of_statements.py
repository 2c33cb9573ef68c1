"""Every statement finds its rows by an index, whatever the size of its tables."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.database import psycopg2_setup
from core.database.queries import SCHEMA
from tests.architecture import catalogue, plans
from tests.conftest import TestDatabase

# Tables of one row.
SMALL = {"alembic_version", "schema_compatibility", "sync_history"}

# What is forbidden PostgreSQL still does where no index serves, however few rows there are.
_NO_OTHER_WAY = "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off"
_LEADING = """
SELECT c.relname, pg_get_indexdef(i.indexrelid, 1, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'todo'::regnamespace
"""
Explain = Callable[..., list[str]]


@pytest.fixture(scope="module")
def explain(make_database: Callable[[], TestDatabase]) -> Iterator[Explain]:
    """What is wrong with the plan of a statement; with `sorts=True` a sort of what was found is meant."""
    psycopg2_setup.prepare()
    connection = make_database().connect()
    cursor = connection.cursor()
    cursor.execute(_NO_OTHER_WAY)
    cursor.execute(_LEADING)
    leading = dict(cursor.fetchall())

    def complain(sql: str, values: dict[str, Any] | None = None, *, sorts: bool = False) -> list[str]:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
        ((found,),) = cursor.fetchall()
        return complaints(found[0]["Plan"], leading, sorts=sorts)

    yield complain
    connection.close()


def complaints(plan: dict[str, Any], leading: dict[str, str], *, sorts: bool) -> list[str]:
    """What would cost more with every row that is added. `leading` has the first column of each index."""
    found, grouped = [], plans.sorts_for_groups(plan)
    for node in plans.nodes(plan):
        kind, table, index = node["Node Type"], node.get("Relation Name"), node.get("Index Name")
        if table in SMALL:
            continue
        if kind == "Seq Scan":
            found.append(f"reads all of {table}: it needs an index")
        if index is not None and leading[index] not in node.get("Index Cond", ""):
            found.append(f"walks all of {index}: it needs a condition on {leading[index]}")
        # What is behind a limit is sorted as a page, whose rows are few.
        limited = any(below["Node Type"] == "Limit" for below in plans.nodes(node))
        if kind == "Sort" and not sorts and not limited and node not in grouped:
            found.append(f"sorts all that it finds by {node['Sort Key']}: it needs an index in that order")
    return found


def test_every_statement_finds_its_rows_by_an_index(explain: Explain) -> None:
    """A new statement is looked at as soon as it exists."""
    wrong = {}
    for case in catalogue.cases():
        # A filter with a sort that its index does not have: tests/modules/tasks/test_plans.py says when which is used.
        narrowed = case.name.endswith(".page") and bool(case.filters)
        if bad := explain(case.query.statement.texts[SCHEMA], case.query.values, sorts=narrowed):
            wrong[str(case)] = bad
    assert wrong == {}


# As many groups as days, of the rows of one owner: these are all read, whatever the order of the groups.
_DAYS = "SELECT date(timezone('UTC', created_at)) AS day, count(*) FROM tasks WHERE user_id = 'x' GROUP BY day"


def test_what_was_counted_may_be_sorted(explain: Explain) -> None:
    assert explain(f"{_DAYS} ORDER BY day") == []
    assert explain(f"{_DAYS} ORDER BY count(*) DESC") == []


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT * FROM tasks WHERE title = 'x'", "needs a"),
        ("SELECT * FROM tasks WHERE description = 'x'", "needs a"),
        ("SELECT * FROM users WHERE email = 'x'", "needs a"),
        ("SELECT * FROM tasks WHERE user_id = 'x' ORDER BY description", "sorts all that it finds by"),
        ("SELECT status, count(*) FROM tasks GROUP BY status ORDER BY status", "needs a"),
        (f"SELECT * FROM ({_DAYS}) d JOIN tasks t ON t.user_id = 'x' ORDER BY description", "sorts all that it finds"),
        ("SELECT count(DISTINCT description) FROM tasks WHERE user_id = 'x'", "sorts all that it finds by"),
        ("DELETE FROM local_sessions WHERE expires_at < now()", "needs a"),
        ("UPDATE tasks SET title = '' WHERE id = '00000000-0000-0000-0000-000000000000'", "needs a"),
    ],
)
def test_a_statement_without_an_index_is_complained_of(explain: Explain, sql: str, complaint: str) -> None:
    assert any(complaint in one for one in explain(sql))
