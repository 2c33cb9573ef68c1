"""One fault under load: what the clients saw, what the log said, what the database did, as one line of a table."""

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial

from tests.faults.bench import Bench, Way
from tests.faults.bounds import EVENT_SECONDS, SLACK_SECONDS
from tests.faults.http_client import Response
from tests.faults.ledger import Facts, Verdict, judge
from tests.faults.load import THINK, Load, Seen
from tests.faults.programs import Replica, wait_until

# Until then some request must have succeeded again, or the service has not recovered by itself. Longer than a pooler
# pauses by default.
RECOVERY_SECONDS = 30
# How much longer than it should a fault lasts at most, so that somebody meets it.
MET_SECONDS = 10
# How long the load goes on after the recovery.
AFTER_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault on one way. `began` and `ended` are the fault's moments."""

    fault: str
    way: str
    began: float
    ended: float
    seen: Seen
    verdict: Verdict
    causes: Counter[str]
    # Requests whose response was 503 and of which the log does not say why.
    unexplained: int
    missing: int

    @property
    def first_success(self) -> float:
        """Seconds from the fault's end to the first success after it."""
        found = self.seen.first_success(self.ended)
        return RECOVERY_SECONDS if found is None else found

    def complaints(self, first_success_within: float, *, proxied: bool = False) -> list[str]:
        """Every broken promise, in words."""
        found = [*self.seen.complaints(proxied=proxied)]
        verdict = self.verdict
        if verdict.broken:
            found.append(f"writes are not as they were said to be: {verdict}")
        if self.missing:
            found.append(f"{self.missing} times a row was not found that had been acknowledged")
        if self.unexplained:
            found.append(f"of {self.unexplained} rejected requests the log does not say why")
        if self.first_success > first_success_within:
            found.append(f"the first success came {self.first_success:.2f} s after the fault")
        return [f"{self.way}: {text}" for text in found]


@dataclass(frozen=True, slots=True)
class Running:
    """A load on one way, and how long the logs of its processes were before it."""

    way: Way
    logged: dict[Replica, int]
    load: Load

    def causes(self) -> tuple[Counter[str], int]:
        """How often the log names each cause of a rejection, and how many rejections it does not explain."""
        lines = [line for replica, size in self.logged.items() for line in replica.log_lines(size)]
        told = {line["request_id"]: _cause(line) for line in lines if line["message"] == "database error"}
        rejected = [response for _, response in self.load.seen.responses if response.code() == "database_unavailable"]
        causes = Counter(told[_request_id(response)] for response in rejected if _request_id(response) in told)
        return causes, len(rejected) - causes.total() + causes[""]


# Whether it has been felt, and may end; the moment is that of its begin.
Met = Callable[[Sequence[Running], float], bool]


def rejected_for(causes: Collection[str]) -> Met:
    """Met when somebody was rejected for it on each way (see `names`)."""
    return lambda running, _: names(causes, [one.causes()[0] for one in running])


def asked(running: Sequence[Running], began: float) -> bool:
    """Met when somebody has asked on each way, who is rejected only later."""
    return all(one.load.asked_since(began) for one in running)


def names(causes: Collection[str], found: Sequence[Counter[str]]) -> bool:
    """Whether requests were rejected on each way, and on one of them for one of the causes."""
    return all(found) and any(one.startswith(tuple(causes)) for counted in found for one in counted)


def run(
    bench: Bench,
    name: str,
    inject: AbstractContextManager[None],
    seconds: float,
    ways: Sequence[Way],
    *,
    think: float = THINK,
    met: Met = lambda *_: True,
) -> list[Trial]:
    """Loads the ways, injects the fault for some seconds, and longer until it is met, and sees them recover."""
    with ExitStack() as stack:
        running = [
            Running(way, _sizes(way), stack.enter_context(Load(bench.clients, way.ports, think=think))) for way in ways
        ]
        wait_until(lambda: all(_warm(one.load) for one in running), EVENT_SECONDS, "the load before the fault")
        began = time.monotonic()
        with inject:
            _last(seconds, partial(met, running, time.monotonic()))
        ended = time.monotonic()
        wait_until(lambda: all(_recovered(one.load, ended) for one in running), RECOVERY_SECONDS, "recovery")
        time.sleep(AFTER_SECONDS)
    return [_judged(name, one, began, ended) for one in running]


def _sizes(way: Way) -> dict[Replica, int]:
    return {replica: replica.log.stat().st_size for replica in way.replicas}


def _last(seconds: float, met: Callable[[], bool]) -> None:
    """A machine may be so busy that nobody is at the database just when something happens there."""
    time.sleep(seconds)
    latest = time.monotonic() + MET_SECONDS
    while not met() and time.monotonic() < latest:
        time.sleep(0.2)


def _warm(load: Load) -> bool:
    """Whether every client has rows of its own."""
    return all(len(visitor.writes) > 2 for visitor in load.visitors)


def _recovered(load: Load, ended: float) -> bool:
    return load.seen.first_success(ended) is not None


def _judged(name: str, one: Running, began: float, ended: float) -> Trial:
    writes = [write for visitor in one.load.visitors for write in visitor.writes]
    verdict = judge(writes, Facts.read(one.way.postgres, one.way.database, one.load.users))
    # A line is written by a thread of its own, which may be late.
    latest = time.monotonic() + SLACK_SECONDS
    while (told := one.causes())[1] and time.monotonic() < latest:
        time.sleep(0.1)
    missing = sum(visitor.missing for visitor in one.load.visitors)
    return Trial(name, one.way.name, began, ended, one.load.seen, verdict, *told, missing)


def _request_id(response: Response) -> str:
    return response.headers["x-request-id"]


def _cause(line: dict[str, object]) -> str:
    """The SQLSTATE, or else the beginning of the reason, with what the server said in it."""
    if state := line["db.response.status_code"]:
        return str(state)
    reason, _, words = str(line["error.reason"] or "").partition(": ")
    if words.endswith(": deadline"):  # of one server, as it was connected to
        return "deadline"
    told = re.search(r"FATAL:\s+(.*?)(?= DETAIL:| HINT:| server closed|$)", words)
    return f"{reason}: {told[1]}" if told else reason
