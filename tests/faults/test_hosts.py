"""Two database hosts in one URL, under load: the first goes away, or its standby takes its place."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise

import pytest

from tests.faults import trial
from tests.faults.bench import REPLICAS, Bench, Way
from tests.faults.bounds import DEADLINE_SECONDS, EVENT_SECONDS, RECOVERED_SECONDS, SLACK_SECONDS
from tests.faults.conftest import Say
from tests.faults.fault import LOST
from tests.faults.load import Load
from tests.faults.postgres import Postgres
from tests.faults.programs import wait_until
from tests.faults.proxy import Proxy
from tests.faults.report import Report, statuses
from tests.faults.standby import Standby
from tests.faults.trial import Trial

# Longer than any bound below: the service is back while the first host is still away.
SECONDS = 2 * DEADLINE_SECONDS + SLACK_SECONDS + 1
# Many more than the pools of the processes have connections.
CROWD = 60
READ_ONLY = "default_transaction_read_only"
ROWS: list[list[object]] = []
HEAD = (
    "fault",
    "responses, from the fault on",
    "what the log says",
    "longest time without a success",
    "last failure after its begin",
    "longest response",
    "acknowledged",
    "**lost**",
    "rejected",
    "**of these done**",
    "creates with a key",
    "**doubled**",
)


@contextmanager
def _way(bench: Bench, database: str, proxies: tuple[Proxy, Proxy], postgres: Postgres) -> Iterator[Way]:
    """Replicas whose URL has both hosts; they go to the first, as long as it is a primary that responds."""
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
    """Its connections end, and new ones are accepted and get no response."""
    with first.silent():
        first.reset()
        yield


@pytest.fixture(scope="module")
def store(bench: Bench) -> str:
    """A database of these tests alone."""
    return bench.postgres.make_database("todo_hosts")


# How long nobody may succeed (what one request waits for, and slack), and whether requests are given up at all.
@pytest.mark.parametrize(
    ("name", "away", "out", "given_up"),
    [
        # One deadline, and half of one where somebody had too little time left to connect to the second: then it is not
        # known which of them is silent. Whether more requests than that wait in vain is told by their order, see below.
        ("the first host falls silent, connections too", Proxy.silent, 1.5 * DEADLINE_SECONDS + SLACK_SECONDS, True),
        # The silent one's share of a deadline, which is half of it.
        (
            "the first host ends its connections and falls silent",
            _gone_silent,
            DEADLINE_SECONDS / 2 + SLACK_SECONDS,
            False,
        ),
        # Nothing. Were the second one not tried, it would be as long as the first one is away.
        ("the first host refuses connections", Proxy.refusing, SLACK_SECONDS, False),
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
    given_up: bool,
) -> None:
    proxies = bench.proxy_to_postgres(), bench.proxy_to_postgres()
    with _way(bench, store, proxies, bench.postgres) as way:
        _open_all(bench, way)
        (found,) = trial.run(bench, name, away(proxies[0]), SECONDS, [way])
    _tell(report, say, found)
    assert found.complaints(RECOVERED_SECONDS) == []
    assert _longest_without_success(found, found.began) < out
    if given_up:
        # The first one has told of all connections: who asks after it meets none of them.
        failures = [response for response in found.seen.since(found.began) if response.failed]
        learned = {port: min((one.ended for one in failures if one.port == port), default=0) for port in way.ports}
        assert [one.status for one in failures if one.started > learned[one.port]] == []
    else:
        # What fails was under way when the connections ended: no request waits in vain for the host that is away.
        assert [cause for cause in found.causes if not cause.startswith(LOST)] == []
        assert _failed_after(found, found.began + SLACK_SECONDS) == []


def test_where_the_primary_takes_no_more_writes_its_standby_is_found(
    bench: Bench, report: Report, say: Say, store: str
) -> None:
    moments: list[float] = []
    standby = Standby(bench.folder, bench.postgres.socket.parent, bench.postgres.tools, bench.postgres.user)
    try:
        proxies = bench.proxy_to_postgres(), bench.proxy_to_socket(standby.socket)
        with _way(bench, store, proxies, standby) as way:
            switched = _switched(bench.postgres, standby, store, moments)
            (found,) = trial.run(
                bench, "the primary becomes read-only, its standby is promoted", switched, SECONDS, [way]
            )
    finally:
        bench.postgres.configure(f"ALTER SYSTEM RESET {READ_ONLY}")
        standby.remove()
    _tell(report, say, found)
    assert found.complaints(RECOVERED_SECONDS) == []
    assert "25006" in found.causes
    # Whoever does not leave the old primary meets it until it is a primary again.
    (promoted,) = moments
    assert _longest_without_success(found, promoted) < SLACK_SECONDS
    assert _failed_after(found, promoted + SLACK_SECONDS) == []


@contextmanager
def _switched(primary: Postgres, standby: Standby, database: str, promoted: list[float]) -> Iterator[None]:
    """The old primary goes on, with all its sessions, and takes no writes; nothing that it took is missing. Notes when
    there is a primary again."""
    primary.configure(f"ALTER SYSTEM SET {READ_ONLY} = on")
    _wait_until_quiet(primary, database)
    ((written,),) = primary.query("SELECT pg_current_wal_insert_lsn()")

    def caught_up() -> bool:
        return standby.query("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written) == [(True,)]

    wait_until(caught_up, EVENT_SECONDS, "the standby")
    standby.promote()
    promoted.append(time.monotonic())
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

    wait_until(quiet, EVENT_SECONDS, "the end of the last write")


def _open_all(bench: Bench, way: Way) -> None:
    """Has the pools open every connection that they may: some are idle when the fault comes, and would cost a request
    each if they were not closed with the first that is given up."""
    with Load(bench.clients, way.ports, clients=CROWD, think=0) as crowd:
        wait_until(lambda: len(crowd.seen.responses) > 500, EVENT_SECONDS, "the pools")


def _longest_without_success(found: Trial, since: float) -> float:
    successes = sorted(one.ended for one in found.seen.since(since) if one.ok)
    return max(after - before for before, after in pairwise([since, *successes]))


def _failed_after(found: Trial, moment: float) -> list[int]:
    """The statuses of requests that began later and failed."""
    return [one.status for one in found.seen.since(moment) if one.failed and one.started > moment]


def _tell(report: Report, say: Say, found: Trial) -> None:
    last = found.seen.last_failure(found.began) or 0.0
    verdict = found.verdict
    row: list[object] = [
        found.fault,
        statuses(found.seen.statuses(found.began)),
        ", ".join(f"{cause}: {count}" for cause, count in found.causes.most_common(3)),
        f"{_longest_without_success(found, found.began):.2f} s",
        f"{last:.2f} s",
        f"{max(one.seconds for one in found.seen.since(found.began)):.2f} s",
        *(verdict.acknowledged, verdict.lost, verdict.rejected, verdict.appeared, verdict.keyed, verdict.doubled),
    ]
    say(" | ".join(map(str, row)))
    ROWS.append(row)
    report.table("hosts", HEAD, ROWS)
