"""What PostgreSQL does for a request: the statements as the application sends them, explained."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
from client import Client, Request
from postgres import Postgres
from server import Server, product

from tests.wire import PostgresProxy

_SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan")


class Watched:
    """A second server of the application, behind a proxy that reads what it sends."""

    def __init__(self, postgres: Postgres) -> None:
        self._dsn = postgres.dsn
        self._proxy = PostgresProxy(str(postgres.server.get_postmaster_info().socket_path))
        url = f"postgresql://postgres@127.0.0.1:{self._proxy.port}/postgres?sslmode=disable&gssencmode=disable"
        self._server = Server(product("watched"), url)

    def __enter__(self) -> Callable[[str, Request], str]:
        self._server.__enter__()
        return self.how

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()
        self._proxy.close()

    def how(self, user: str, request: Request) -> str:
        """Of each statement: its nodes and indexes, and how many rows the busiest node met."""
        self._proxy.clear()
        Client(self._server, user).ask(*request)
        return "; ".join(map(self._explain, self._proxy.queries))

    def _explain(self, sql: str) -> str:
        if re.search(r"INSERT INTO \w+\.tasks\b", sql):
            return "insert"  # it would meet its own row
        connection = psycopg2.connect(self._dsn)
        cursor = connection.cursor()
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
        ((found,),) = cursor.fetchall()
        connection.close()  # without a commit: nothing was written
        nodes = list(_nodes(found[0]["Plan"]))
        return f"{' + '.join(_names(nodes))}: {max(map(_visited, nodes)):,} rows"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def _names(nodes: list[dict[str, Any]]) -> list[str]:
    """The deepest first."""
    found = []
    for node in reversed(nodes):
        kind, parallel = node["Node Type"], "parallel " if node["Parallel Aware"] else ""
        if kind in _SCANS:
            found.append(f"{parallel}{kind.lower()} {node.get('Index Name', node.get('Relation Name'))}")
        elif "Sort" in kind:
            found.append("sort")
    return found


def _visited(node: dict[str, Any]) -> int:
    thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return round((node["Actual Rows"] + thrown) * node["Actual Loops"])
