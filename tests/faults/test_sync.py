"""A device that syncs by `updated_since` every 10 ms beside six writers, with another session at the user's row."""

import asyncio

from tests.faults.bench import Bench
from tests.faults.conftest import Say
from tests.faults.report import Report
from tests.syncing import WRITERS, missed

WRITES = 10_000


def test_no_change_is_missed_directly_or_through_the_pooler(bench: Bench, report: Report, say: Say) -> None:
    rows = []
    for way in bench.ways:
        urls = [f"http://127.0.0.1:{port}" for port in way.ports]
        lost, syncs = asyncio.run(missed(urls, WRITES, bench.postgres.url(way.database)))
        say(f"{way.name}: {lost} of {WRITES} changes missed in {syncs} syncs")
        rows.append([way.name, WRITERS, WRITES, syncs, lost])
    report.table("sync", ["way", "writers", "creates and patches", "syncs", "**missed**"], rows)
    assert [row[-1] for row in rows] == [0, 0]
