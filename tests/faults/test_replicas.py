"""Two replicas behind nginx: a rolling restart loses no request, and a killed replica no acknowledged write."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.faults import trial
from tests.faults.bench import Bench, Way
from tests.faults.between import Nginx
from tests.faults.bounds import EVENT_SECONDS, RECOVERED_SECONDS
from tests.faults.conftest import Say
from tests.faults.load import Load
from tests.faults.programs import Replica, wait_until
from tests.faults.report import Report
from tests.faults.trial import Trial

# As promised. What ends takes 2 s of notice, half a second for the last arrivals, and at most one deadline (5 s): the
# rest is slack. Passed by one that waits for idle connections (75 s), or for a database that does not respond.
EXIT_SECONDS = 15


@pytest.fixture(scope="module")
def ways(bench: Bench) -> Iterator[list[Way]]:
    """The clients' two ways to nginx, both to the same replicas."""
    nginx: Nginx = bench.nginx(bench.direct.replicas)
    plain = replace(bench.direct, name="nginx as it is", ports=[nginx.plain_port])
    yield [plain, replace(plain, name="nginx with kept connections", ports=[nginx.kept_port])]
    nginx.stop()


@pytest.fixture(scope="module")
def trials(report: Report) -> Iterator[list[Trial]]:
    """Gathers the trials of this file."""
    gathered: list[Trial] = []
    yield gathered
    if len(gathered) == 4:
        report.faults("faults-replicas", gathered, by_way=True)


@contextmanager
def restarting(replicas: Sequence[Replica], number: int) -> Iterator[None]:
    """Each in its turn, as a deployment does; the next one when the one before is ready again."""
    for replica in replicas:
        replica.signal(number)
        assert replica.wait() < EXIT_SECONDS
        replica.start()
        replica.wait_ready()
    yield


def test_a_rolling_restart_loses_no_request(bench: Bench, ways: list[Way], trials: list[Trial], say: Say) -> None:
    rolling = restarting(bench.direct.replicas, signal.SIGTERM)
    found = trial.run(bench, "rolling restart (SIGTERM)", rolling, 0, ways, think=0.03)
    trials += found
    for one in found:
        say(f"{one.way}: {dict(one.seen.statuses(0))}, {one.verdict}")
    assert [text for one in found for text in one.complaints(RECOVERED_SECONDS)] == []
    assert [status for one in found for status in one.seen.statuses(0) if status not in (200, 201, 204, 412)] == []


def test_a_replica_killed_at_any_moment_loses_no_acknowledged_write(
    bench: Bench, ways: list[Way], trials: list[Trial], say: Say
) -> None:
    killing = restarting([*bench.direct.replicas] * 2, signal.SIGKILL)
    found = trial.run(bench, "replicas killed (`kill -9`) in turn", killing, 0, ways, think=0.03)
    trials += found
    for one in found:
        say(f"{one.way}: {dict(one.seen.statuses(0))}, {one.verdict}")
    assert [text for one in found for text in one.complaints(RECOVERED_SECONDS, proxied=True)] == []


def test_sigterm_ends_a_replica_in_time_although_the_database_is_silent(bench: Bench, say: Say) -> None:
    replica = bench.direct.replicas[0]
    with Load(bench.clients, bench.direct.ports) as load, bench.direct.proxy.silent():
        wait_until(
            lambda: any(response.status == 503 for _, response in load.seen.responses),
            EVENT_SECONDS,
            "an outage under load",
        )
        replica.signal(signal.SIGTERM)
        seconds = replica.wait()
        load.stop(0)
    replica.launch()
    say(f"it ended after {seconds:.1f} s")
    assert seconds < EXIT_SECONDS
