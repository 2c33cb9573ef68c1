"""Devices that sync every 10 ms beside six writers, with another session at the user's row and a database that dies."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.faults.bench import Bench
from tests.faults.conftest import Say
from tests.faults.postgres import Postgres
from tests.faults.report import Report
from tests.syncing import WRITERS, Missed, missed

# In all, over the ways to the database and their two runs each.
WRITES = 20_000
KILLS = 3


def test_no_change_is_missed_directly_or_through_the_pooler(bench: Bench, report: Report, say: Say) -> None:
    rows, deletions = list[list[object]](), list[int]()
    for way in bench.ways:
        urls = [f"http://127.0.0.1:{port}" for port in way.ports]
        database = bench.postgres.url(way.database)
        for name, beside in ((way.name, None), (f"{way.name}, PostgreSQL killed", _kills(bench.postgres))):
            found = asyncio.run(missed(urls, WRITES // 4, database, beside))
            say(f"{name}: {found}")
            deletions.append(found.deletions)
            rows.append([name, WRITERS, WRITES // 4, found.syncs, found.deletions, *_counts(found)])
    headings = ["way", "writers", "writes", "syncs", "deletions told", "**missed by the feed**"]
    report.table("sync", [*headings, "**out of order**", "**missed by `updated_since`**"], rows)
    assert [row[-3:] for row in rows] == [[0, 0, 0]] * 4
    assert min(deletions) > WRITES / 100


def _counts(found: Missed) -> list[int]:
    return [found.by_feed, found.out_of_order, found.by_time]


def _kills(postgres: Postgres) -> Callable[[], Awaitable[None]]:
    async def now_and_then() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(1)
            await asyncio.to_thread(_kill, postgres)

    return now_and_then


def _kill(postgres: Postgres) -> None:
    postgres.kill()
    postgres.start()
