"""A database with a user of 100,000 tasks among others, and the plans of the statements that the API sends to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient
from tests.modules.tasks.pages import get_page

MANY = 100_000

# As a life with tasks looks: what is old is done but for a few, what is new is open, two of three have a due time.
_FILL = """
SET session_replication_role = replica;
INSERT INTO tasks (user_id, id, created_at, updated_at, title, description, status, due_at, completed_at)
SELECT {owner}, ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
    timestamptz '2026-01-01Z' + i * interval '1 minute',
    timestamptz '2026-01-01Z' + (i * 7919 %% {many}) * interval '1 minute',
    'Task ' || i * 31 %% 5000,
    CASE WHEN i %% 2 = 0 THEN 'About ' || i END,
    s,
    CASE WHEN i %% 3 > 0 THEN timestamptz '2026-06-01Z' + (i * 104729 %% {many}) * interval '1 minute' END,
    CASE WHEN s = 'completed' THEN now() END
FROM generate_series(1::bigint, {many}) i, LATERAL (
    SELECT CASE WHEN i > {many} * 0.9 AND i %% 10 < 3 OR i %% 1000 = 0 THEN 'in_progress'
        WHEN i > {many} * 0.9 THEN 'pending' ELSE 'completed' END AS s
) AS statuses
"""


@dataclass
class Plan:
    """What PostgreSQL did for a statement; `str()` of it is what to read where a test fails."""

    text: str
    nodes: list[dict[str, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        return self.text

    @property
    def kinds(self) -> set[str]:
        """The kinds of its nodes."""
        return {node["Node Type"] for node in self.nodes}

    @property
    def indexes(self) -> set[str]:
        """The names of the indexes it used."""
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def visited(self) -> int:
        """How many rows any node met, those that it threw away among them."""
        return max(int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) for node in self.nodes)


class BigDatabase:
    """The list of the user with many tasks, as the API sends it and PostgreSQL explains it."""

    def __init__(self, database: TestDatabase, user: UserClient) -> None:
        self._database = database
        self.user = user

    def page(self, **query: Any) -> dict[str, Any]:
        """What the API sends."""
        return get_page(self.user, **query)

    def plan(self, **query: Any) -> Plan:
        """How the statement runs that the API sends for the page (after an empty one it looks at the user, too)."""
        self._database.proxy.clear()
        self.page(**query)
        sql = self._database.proxy.queries[0]
        ((found,),) = self._database.query("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"))
        lines = self._database.query("EXPLAIN (ANALYZE, COSTS OFF) " + sql.replace("%", "%%"))
        return Plan("\n".join([sql, *(line for (line,) in lines)]), list(_nodes(found[0]["Plan"])))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those that find the rows; the number of changes is read apart, from the owner's row."""
    yield node
    for child in node.get("Plans", []):
        if child["Parent Relationship"] != "InitPlan":
            yield from _nodes(child)


@pytest.fixture(scope="module")
def big(make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]) -> Iterator[BigDatabase]:
    """One user has half of all tasks, two hundred others have the other half."""
    database = make_database()
    with UserClient(start_server(database=database).url) as user:
        database.query("INSERT INTO users (id) SELECT 'user' || i FROM generate_series(0, 200) i")
        database.query("INSERT INTO users (id) VALUES (%s)", user.user_id)
        database.query(_FILL.format(owner="'user' || i / 500", many=MANY))
        database.query(_FILL.format(owner=f"'{user.user_id}'", many=MANY))
        connection = database.connect()
        connection.autocommit = True
        connection.cursor().execute("VACUUM ANALYZE")
        connection.close()
        yield BigDatabase(database, user)
