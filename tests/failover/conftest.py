"""The report of `make test-failover`, which is written in the end, whatever the outcome."""

from collections.abc import Iterator

import pytest

from tests.faults.report import Report


@pytest.fixture(scope="session")
def rows() -> Iterator[list[list[object]]]:
    """One for each event."""
    gathered: list[list[object]] = []
    yield gathered
    report = Report("make test-failover")
    head = (
        "replication",
        "event",
        "acknowledged",
        "**lost**",
        "**doubled**",
        "without a write: HAProxy",
        "several hosts",
    )
    report.table("failover", head, gathered)
    report.write()
