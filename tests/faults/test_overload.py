"""Far more clients than are served at once: who is served waits little, who is not is told at once, health responds."""

import statistics
import time

from tests.faults.bench import Bench
from tests.faults.conftest import Say
from tests.faults.ledger import Facts, judge
from tests.faults.load import Load
from tests.faults.report import Report, statuses

CLIENTS = 300
SECONDS = 6
PLACES = 40


def test_who_is_rejected_is_told_at_once_and_who_is_served_waits_little(bench: Bench, report: Report, say: Say) -> None:
    replica = bench.replica("overloaded", bench.direct.url, MAX_CONCURRENT_REQUESTS=str(PLACES))
    replica.launch()
    with Load(bench.clients, [replica.port], clients=CLIENTS, think=0) as load:
        time.sleep(SECONDS)
        load.stop()
    replica.stop()
    responses = [response for _, response in load.seen.responses]
    served, rejected = (
        [response.seconds for response in responses if (response.status == 503) is no] for no in (False, True)
    )
    waits = [f"{statistics.median(seconds):.2f} s, {max(seconds):.2f} s" for seconds in (served, rejected)]
    live = f"{load.seen.longest_live():.2f} s"
    row = [CLIENTS, PLACES, statuses(load.seen.statuses(0)), *waits, live]
    say(str(row))
    head = ["clients", "served at once", "responses", "served: median, longest", "rejected: median, longest"]
    report.table("overload", [*head, "longest `/health/live`"], [row])
    assert load.seen.complaints() == []
    assert {response.code() for response in responses if response.status == 503} == {"overloaded"}
    writes = [write for visitor in load.visitors for write in visitor.writes]
    assert judge(writes, Facts.read(bench.postgres, bench.direct.database, load.users)).broken == 0
