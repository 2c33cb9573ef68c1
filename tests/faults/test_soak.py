"""Minutes of load with sessions ended now and then: memory, open files and connections are level."""

import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass

import psutil
import pytest

from core.config import Settings
from tests.faults.bench import REPLICAS, Bench, Way
from tests.faults.between import PgBouncer
from tests.faults.conftest import Say
from tests.faults.ledger import Facts, judge
from tests.faults.load import Load
from tests.faults.programs import Replica
from tests.faults.report import Report

SAMPLE_SECONDS = 1.0
# Now and then every session ends, so that what is left behind at each reconnect would add up.
CUT_SECONDS = 15
# What may lie between the first third and the last: of memory, and of files and connections, which come and go.
MEMORY_GROWTH = 0.05
MEMORY_SLACK = 4 * 2**20
COUNT_SLACK = 3
# How many sessions each way may have: the processes' pools, or the pooler's.
POOL = int(Settings.model_fields["database_pool_size"].default)
SESSIONS = {"direct": REPLICAS * POOL, "pooled": PgBouncer.POOL}


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process of the API, and at the sessions of its database. The files are those besides connections
    to the database that live, of which a busy machine needs more."""

    memory: int
    files: int
    sessions: int


def test_nothing_grows(bench: Bench, report: Report, say: Say, pytestconfig: pytest.Config) -> None:
    seconds = float(pytestconfig.getoption("--soak"))
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(bench.clients, way.ports)) for way in bench.ways]
        samples = _sampled(bench, seconds, say)
    rows: list[list[object]] = []
    complaints: list[str] = []
    for name, found in samples.items():
        third = len(found) // 3
        first, last = _middle(found[:third]), _middle(found[-third:])
        rows.append([name, *_cells(first, last)])
        complaints += [f"{name}: {text}" for text in _growth(first, last, SESSIONS[name.split("-")[0]])]
    responses = sum(len(load.seen.responses) for load in loads)
    report.table("soak", ["process", "memory, MiB", "open files", "sessions of its database"], rows)
    report.table(
        "soak-load", ["seconds", "requests", "sessions ended"], [[f"{seconds:.0f}", responses, _cuts(seconds)]]
    )
    for row in rows:
        say(str(row))
    for way, load in zip(bench.ways, loads, strict=True):
        writes = [write for visitor in load.visitors for write in visitor.writes]
        assert judge(writes, Facts.read(bench.postgres, way.database, load.users)).broken == 0
        complaints += load.seen.complaints()
    assert complaints == []


def _sampled(bench: Bench, seconds: float, say: Say) -> dict[str, list[Sample]]:
    """A sample of each process every second, while sessions are ended now and then."""
    replicas = {replica.log.stem: (replica, way) for way in bench.ways for replica in way.replicas}
    samples: dict[str, list[Sample]] = {name: [] for name in replicas}
    started = time.monotonic()
    for cuts in range(1, _cuts(seconds) + 2):
        while time.monotonic() < min(started + cuts * CUT_SECONDS, started + seconds):
            time.sleep(SAMPLE_SECONDS)
            for name, (replica, way) in replicas.items():
                samples[name].append(_sample(bench, replica, way))
        if cuts <= _cuts(seconds):
            for way in bench.ways:
                bench.postgres.end_sessions(way.database)
        if cuts % 4 == 0:
            say(f"{time.monotonic() - started:.0f} of {seconds:.0f} s")
    return samples


def _cuts(seconds: float) -> int:
    return int((seconds - 1) // CUT_SECONDS)


def _sample(bench: Bench, replica: Replica, way: Way) -> Sample:
    process = psutil.Process(replica.pid)
    files, connections = process.num_fds(), process.net_connections("tcp")
    live = [
        one for one in connections if one.raddr and one.raddr.port == way.proxy.port and one.status == "ESTABLISHED"
    ]
    ((sessions,),) = bench.postgres.query("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", way.database)
    return Sample(process.memory_info().rss, files - len(live), sessions)


def _middle(samples: list[Sample]) -> Sample:
    medians = (statistics.median(getattr(one, name) for one in samples) for name in ("memory", "files", "sessions"))
    return Sample(*(int(median) for median in medians))


def _cells(first: Sample, last: Sample) -> list[str]:
    memory = f"{first.memory / 2**20:.1f} → {last.memory / 2**20:.1f}"
    return [memory, f"{first.files} → {last.files}", f"{first.sessions} → {last.sessions}"]


def _growth(first: Sample, last: Sample, sessions: int) -> list[str]:
    found = []
    if last.memory > first.memory * (1 + MEMORY_GROWTH) + MEMORY_SLACK:
        found.append(f"memory grew from {first.memory} to {last.memory}")
    if last.files > first.files + COUNT_SLACK:
        found.append(f"open files grew from {first.files} to {last.files}")
    if last.sessions > sessions:
        found.append(f"there are {last.sessions} sessions, and {sessions} were agreed")
    return found
