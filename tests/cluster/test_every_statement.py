"""On a cluster that CLUSTER_URL names (`make test-cluster`): each statement is taken, and asks one server."""

import re

import psycopg2
import pytest
from psycopg2.extensions import connection, parse_dsn

from core.database import migrations, psycopg2_setup, start_check
from tests.architecture.catalogue import Case, cases, statements
from tests.conftest import CLUSTER_URL

pytestmark = pytest.mark.skipif(CLUSTER_URL is None, reason="CLUSTER_URL names no cluster")
NAMES = [name for name in statements() if not name.startswith("modules.auth.")]


@pytest.fixture(scope="module")
def session() -> connection:
    psycopg2_setup.prepare()
    assert CLUSTER_URL is not None
    return psycopg2.connect(CLUSTER_URL)


def _plan(session: connection, case: Case) -> str:
    """Of the statement, which is then run, and undone."""
    text = case.query.statement.texts["todo"]
    try:
        with session.cursor() as sql:
            sql.execute(f"EXPLAIN {text}", case.query.values)
            plan = "\n".join(line for (line,) in sql.fetchall())
            sql.execute("INSERT INTO todo.users (id) VALUES (%s) ON CONFLICT DO NOTHING", (case.owner,))
            sql.execute(text, case.query.values)
    finally:
        session.rollback()
    return plan


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_asks_one_server(session: connection, name: str) -> None:
    for case in cases(name):
        plan = _plan(session, case)
        assert set(re.findall(r"Task Count: (\d+)", plan)) == {"1"}, f"{case}\n{plan}"


def test_the_tables_are_spread_as_they_are_meant_to_be() -> None:
    assert CLUSTER_URL is not None
    assert start_check.look(CLUSTER_URL, migrations.head()) == (migrations.head(), None)
    found = start_check.look(CLUSTER_URL, migrations.head(), accounts=True)[1]
    assert found is not None
    assert "AUTH_LOCAL_ACCOUNTS=false" in found


def test_any_server_can_be_asked(session: connection) -> None:
    """Each gives what another has written (MX): the API may be spread over all of them."""
    with session.cursor() as sql:
        sql.execute("SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' AND hasmetadata")
        nodes = sql.fetchall()
        sql.execute("INSERT INTO todo.users (id) VALUES ('asked') ON CONFLICT DO NOTHING")
    session.commit()
    assert len(nodes) > 1
    for host, port in nodes:
        there = psycopg2.connect(**{**parse_dsn(str(CLUSTER_URL)), "host": host, "port": port})
        with there.cursor() as sql:
            sql.execute("SELECT count(*) FROM todo.users WHERE id = 'asked'")
            assert sql.fetchall() == [(1,)]
        there.close()
