"""Two database hosts in one URL, under load: the first goes away, or its standby takes its place."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise

import pytest

from tests.faults import trial
from tests.faults.bench import REPLICAS, Bench, Way
from tests.faults.conftest import Say
from tests.faults.postgres import Postgres
from tests.faults.programs import wait_until
from tests.faults.proxy import Proxy
from tests.faults.report import Report, statuses
from tests.faults.standby import Standby
from tests.faults.trial import Trial

# Long enough to show that the service is back while the first host is still away.
SECONDS = 10
READ_ONLY = "default_transaction_read_only"
ROWS: list[list[object]] = []
HEAD = (
    "fault",
    "answers, from the fault on",
    "what the log says",
    "longest time without a success",
    "last failure after its begin",
    "longest answer",
    "acknowledged",
    "**lost**",
    "refused",
    "**of these done**",
    "creates with a key",
    "**doubled**",
)


@contextmanager
def _way(bench: Bench, database: str, proxies: tuple[Proxy, Proxy], postgres: Postgres) -> Iterator[Way]:
    """Replicas whose URL has both hosts; they go to the first, as long as it is a primary that answers."""
    first, second = (f"127.0.0.1:{proxy.port}" for proxy in proxies)
    url = bench.url(proxies[0].port, database).replace(first, f"{first},{second}")
    names = [f"{database}-{proxies[0].port}-{number}" for number in range(REPLICAS)]
    replicas = [bench.replica(name, f"{url}&target_session_attrs=read-write") for name in names]
    try:
        for replica in replicas:
            replica.launch()
        yield Way("hosts", database, url, proxies[0], replicas, [one.port for one in replicas], postgres)
    finally:
        for replica in replicas:
            replica.stop()


@contextmanager
def _gone_silent(first: Proxy) -> Iterator[None]:
    """Its connections end, and new ones are taken and never answered."""
    with first.silent():
        first.reset()
        yield


@pytest.fixture(scope="module")
def store(bench: Bench) -> str:
    """A database of these tests alone."""
    return bench.postgres.make_database("todo_hosts")


@pytest.mark.parametrize(
    ("name", "away", "out"),
    [
        # The deadline of the requests that were under way.
        ("the first host falls silent, connections too", Proxy.silent, 7.5),
        # Half of a deadline: the silent one's share.
        ("the first host ends its connections and falls silent", _gone_silent, 4.5),
        ("the first host refuses connections", Proxy.refusing, 2.0),
    ],
)
def test_while_the_first_host_is_away_the_second_serves(
    bench: Bench,
    report: Report,
    say: Say,
    store: str,
    name: str,
    away: Callable[[Proxy], AbstractContextManager[None]],
    out: float,
) -> None:
    proxies = bench.proxy_to_postgres(), bench.proxy_to_postgres()
    with _way(bench, store, proxies, bench.postgres) as way:
        (found,) = trial.run(bench, name, away(proxies[0]), SECONDS, [way])
    _judge(report, say, found, out)


def test_where_the_primary_takes_no_more_writes_its_standby_is_found(
    bench: Bench, report: Report, say: Say, store: str
) -> None:
    standby = Standby(bench.folder, bench.postgres.socket.parent, bench.postgres.tools, bench.postgres.user)
    try:
        proxies = bench.proxy_to_postgres(), bench.proxy_to_socket(standby.socket)
        with _way(bench, store, proxies, standby) as way:
            switched = _switched(bench.postgres, standby, store)
            (found,) = trial.run(bench, "the primary becomes read-only, its standby is promoted", switched, 4, [way])
    finally:
        bench.postgres.configure(f"ALTER SYSTEM RESET {READ_ONLY}")
        standby.remove()
    _judge(report, say, found, 5)
    assert "25006" in found.causes


@contextmanager
def _switched(primary: Postgres, standby: Standby, database: str) -> Iterator[None]:
    """The old primary goes on, with all its sessions, and takes no writes; nothing that it took is missing."""
    primary.configure(f"ALTER SYSTEM SET {READ_ONLY} = on")
    _wait_until_quiet(primary, database)
    ((written,),) = primary.query("SELECT pg_current_wal_insert_lsn()")

    def caught_up() -> bool:
        return standby.query("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written) == [(True,)]

    wait_until(caught_up, 10, "the standby")
    standby.promote()
    yield


def _wait_until_quiet(primary: Postgres, database: str) -> None:
    """No transaction that began before is still about to write, and none has written for half a second."""
    sql = "SELECT max(at), (SELECT count(backend_xid) FROM pg_stat_activity WHERE datname = current_database())"
    newest, since = None, time.monotonic()

    def quiet() -> bool:
        nonlocal newest, since
        ((latest, writing),) = primary.query(f"{sql} FROM journal", database=database)
        if writing or latest != newest:
            newest, since = latest, time.monotonic()
        return time.monotonic() - since > 0.5

    wait_until(quiet, 10, "the end of the last write")


def _judge(report: Report, say: Say, found: Trial, out: float) -> None:
    answers = sorted(found.seen.answers, key=lambda seen: seen[1].ended)
    successes = [found.began, *(one.ended for _, one in answers if one.ok and one.ended > found.began)]
    longest = max(after - before for before, after in pairwise(successes))
    last = found.seen.last_failure(found.began) or 0.0
    verdict = found.verdict
    row: list[object] = [
        found.fault,
        statuses(found.seen.statuses(found.began)),
        ", ".join(f"{cause}: {count}" for cause, count in found.causes.most_common(3)),
        f"{longest:.2f} s",
        f"{last:.2f} s",
        f"{max(one.seconds for one in found.seen.since(found.began)):.2f} s",
        *(verdict.acknowledged, verdict.lost, verdict.refused, verdict.appeared, verdict.keyed, verdict.doubled),
    ]
    say(" | ".join(map(str, row)))
    ROWS.append(row)
    report.table("hosts", HEAD, ROWS)
    assert found.complaints(1.0) == []
    assert longest < out
    assert last < out, "while the first host is away, or read-only, nothing fails any more"
