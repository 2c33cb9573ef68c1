"""Another server takes over, under writes with keys: in synchronous replication none that was acknowledged is lost."""

import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.database import migrations
from tests.failover.clients import Clients, Written
from tests.failover.cluster import EVENT_SECONDS, Cluster, Node, running
from tests.faults.programs import Replica, wait_until

# On each of the two ways: clients, and the seconds before the event and after what it leads to.
CLIENTS, SECONDS = 4, 3
LAG = 2
Event = Callable[[Cluster, Node], Node | None]


def switchover(cluster: Cluster, leader: Node) -> Node | None:
    """As an operator asks for it, until Patroni finds a standby that is good enough."""
    wait_until(lambda: leader.ask("/switchover", leader=leader.name) == 200, EVENT_SECONDS, "a switchover")
    cluster.primary(but=leader)
    return None


def kill(cluster: Cluster, leader: Node) -> Node:
    """Patroni and the whole server end at once; they are started again when another one leads."""
    leader.kill_all()
    cluster.primary(but=leader)
    return leader


def kill_ahead(cluster: Cluster, leader: Node) -> Node:
    """The same, of a server that was ahead of its standbys: what it sends them stands still before."""
    leader.signal_all(signal.SIGSTOP, "walsender")
    time.sleep(LAG)
    return kill(cluster, leader)


def freeze(cluster: Cluster, leader: Node) -> None:
    """All of them stand still, and go on when another one leads."""
    leader.signal_all(signal.SIGSTOP)
    cluster.primary(but=leader)
    leader.signal_all(signal.SIGCONT)


@pytest.fixture(scope="module", params=[True, False], ids=["synchronous", "asynchronous"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with running(synchronous=request.param) as made:
        yield made


@pytest.fixture
def replicas(cluster: Cluster) -> Iterator[list[Replica]]:
    """One process behind HAProxy, and one that knows all the hosts, on a new database."""
    leader, name = cluster.primary(), f"todo_{time.monotonic_ns()}"
    cluster.query(leader, "postgres", f"CREATE DATABASE {name}")
    migrations.upgrade(f"postgresql://postgres@127.0.0.1:{leader.port}/{name}")
    with tempfile.TemporaryDirectory(prefix="todo-api-failover-") as folder:
        urls = {"haproxy": cluster.url(name), "hosts": cluster.hosts_url(name)}
        made = [Replica(way, Path(folder), url) for way, url in urls.items()]
        for one in made:
            one.launch()
            one.wait_ready()
        yield made
        for one in made:
            one.stop()


@pytest.mark.parametrize("event", [switchover, kill, freeze, kill_ahead], ids=lambda one: one.__name__)
def test_what_was_acknowledged_is_there(
    cluster: Cluster, replicas: list[Replica], event: Event, rows: list[list[object]]
) -> None:
    clients = [Clients(f"http://127.0.0.1:{one.port}", CLIENTS) for one in replicas]
    time.sleep(SECONDS)
    leader, began = cluster.primary(), time.monotonic()
    ended = event(cluster, leader)
    for one in replicas:
        one.wait_ready()
    time.sleep(SECONDS)
    if ended is not None:
        ended.start()
    cluster.wait_whole()
    for writers in clients:
        writers.stop(EVENT_SECONDS)
    database = replicas[0].environment["DATABASE_URL"].rpartition("/")[2]
    told = [writers.written for writers in clients]
    lost, doubled = _judged(told, Counter(title for (title,) in cluster.query(cluster.primary(), database, _TITLES)))
    mode = "synchronous" if cluster.synchronous else "asynchronous"
    pauses = [f"{one.longest_pause(began):.1f} s" for one in told]
    rows.append([mode, _NAMES[event.__name__], sum(len(one.titles) for one in told), lost, doubled, *pauses])
    assert all(len(one.titles) > CLIENTS for one in told)
    assert doubled == 0
    # A server that sends its standbys nothing acknowledges nothing either, unless it was told not to wait for them.
    assert lost == 0 or not cluster.synchronous


_TITLES = "SELECT title FROM todo.tasks"
_NAMES = {
    "switchover": "switchover",
    "kill": "kill -9 of server and Patroni",
    "freeze": "frozen until another one leads, then thawed",
    "kill_ahead": f"kill -9, {LAG} s after the standbys got nothing more",
}


def _judged(told: list[Written], there: Counter[str]) -> tuple[int, int]:
    """How many that were acknowledged are not there, and how many are there more than once."""
    titles = [title for one in told for title in one.titles]
    return sum(title not in there for title in titles), sum(number > 1 for number in there.values())
