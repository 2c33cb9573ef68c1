"""Every fault, under load on both ways: nothing acknowledged is lost, nothing rejected is there, nobody waits long."""

from collections.abc import Iterator

import pytest

from tests.faults import disk, network_faults, postgres_faults, trial
from tests.faults.bench import Bench
from tests.faults.conftest import Say
from tests.faults.fault import Fault
from tests.faults.report import Report, figures
from tests.faults.trial import Trial

FAULTS = (*postgres_faults.FAULTS, *network_faults.FAULTS)
needs_root = pytest.mark.skipif(not disk.possible(), reason="a full disk needs a file system that only root can mount")


@pytest.fixture(scope="module")
def trials(report: Report) -> Iterator[list[Trial]]:
    """Gathers the trials; a table is written when no fault is missing from it."""
    gathered: list[Trial] = []
    yield gathered
    for way in ("direct", "pooled"):
        rows = [one for one in gathered if one.way == way]
        if len(rows) == sum(way in fault.ways and _runs(fault) for fault in FAULTS):
            report.faults(f"faults-{way}", rows)


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=fault.name, marks=[needs_root] if fault.inject is disk.full else []) for fault in FAULTS],
)
def test_a_fault_loses_nothing_and_holds_up_nobody(bench: Bench, trials: list[Trial], say: Say, fault: Fault) -> None:
    ways = [way for way in bench.ways if way.name in fault.ways]
    met = trial.asked if fault.met_later or not fault.causes else trial.rejected_for(fault.causes)
    found = trial.run(bench, fault.name, fault.inject(bench), fault.seconds, ways, met=met)
    trials += found
    for one in found:
        say(f"{one.way}: {' | '.join(map(str, figures(one)))}")
    assert [text for one in found for text in one.complaints(fault.first_success_within(one.way))] == []
    told = [one.causes for one in found]
    assert not fault.causes or trial.names(fault.causes, told), f"not met: {told}"


def test_there_are_at_least_twenty_faults_on_each_way() -> None:
    for way in ("direct", "pooled"):
        assert len([fault for fault in FAULTS if way in fault.ways]) >= 20


def _runs(fault: Fault) -> bool:
    return fault.inject is not disk.full or disk.possible()
