"""On a cluster that CLUSTER_URL names, while many users write: parts of it are moved, and its servers' sessions end."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from psycopg2.extensions import connection, cursor

from tests.cluster.writers import Writers
from tests.conftest import CLUSTER_URL
from tests.core.api_process import ApiProcess

pytestmark = pytest.mark.skipif(CLUSTER_URL is None, reason="CLUSTER_URL names no cluster")
USERS, SECONDS = 12, 30
_PLACES = """\
SELECT s.shardid, n.nodename, n.nodeport FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid)
JOIN pg_dist_node n USING (groupid) WHERE s.logicalrelid = 'todo.users'::regclass
ORDER BY 1 OFFSET %s %% (SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'todo.users'::regclass) LIMIT 1"""
_NODES = "SELECT nodename, nodeport FROM pg_dist_node WHERE shouldhaveshards AND noderole = 'primary'"
# Without logical replication writes wait while a part is copied.
_MODE = "SELECT CASE current_setting('wal_level') WHEN 'logical' THEN 'force_logical' ELSE 'block_writes' END"
_MOVE = "SELECT citus_move_shard_placement(%s, %s, %s, %s, %s, %s)"
_END = """\
SELECT run_command_on_workers($$SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()$$)"""


def move(sql: cursor, turn: int) -> None:
    """Some users, with all that is theirs, to another server; others in each turn, as the engine cleans up later."""
    sql.execute(_MODE)
    ((mode,),) = sql.fetchall()
    sql.execute(_PLACES, (turn,))
    ((shard, *place),) = sql.fetchall()
    sql.execute(_NODES)
    others = [node for node in sql.fetchall() if node != tuple(place)]
    sql.execute(_MOVE, (shard, *place, *random.choice(others), mode))


def end_sessions(sql: cursor, _: int) -> None:
    """All that are connected to a server which has rows, in the middle of what they do."""
    sql.execute(_END)
    time.sleep(random.uniform(0.2, 1))


@contextmanager
def _asked() -> Iterator[connection]:
    assert CLUSTER_URL is not None
    session = psycopg2.connect(CLUSTER_URL)
    session.autocommit = True
    yield session
    session.close()


@pytest.mark.parametrize("fault", [move, end_sessions], ids=lambda one: one.__name__)
def test_what_was_acknowledged_is_there_once(fault: Callable[[cursor, int], None]) -> None:
    assert CLUSTER_URL is not None
    number = 0
    with ApiProcess(CLUSTER_URL, AUTH_LOCAL_ACCOUNTS="false") as api, _asked() as session:
        writers = Writers(api.url, USERS)
        with session.cursor() as sql:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                fault(sql, number)
                number += 1
            writers.stop()
            found = writers.judge(sql)
    print(f"{fault.__name__}: {number} times, {dict(found)}, longest pause {writers.longest_pause():.2f} s")  # noqa: T201
    assert number > 1
    assert found["acknowledged"] > 10 * USERS
    assert found & Counter(lost=1, doubled=1, appeared=1, unsettled=1) == Counter()
