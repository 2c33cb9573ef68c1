"""One fault under load: what the clients saw, what the log said, what the database did, as one line of a table."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from tests.faults.bench import Bench, Way
from tests.faults.http_client import Answer
from tests.faults.ledger import Facts, Verdict, judge
from tests.faults.load import THINK, Load, Seen
from tests.faults.programs import Replica, wait_until

# Until then some request must have succeeded again, or the service has not recovered by itself.
RECOVERY_SECONDS = 20
# How long the load goes on after that.
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
    # Requests that were answered 503 and of which the log does not say why.
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
            found.append(f"of {self.unexplained} refused requests the log does not say why")
        if self.first_success > first_success_within:
            found.append(f"the first success came {self.first_success:.2f} s after the fault")
        return [f"{self.way}: {text}" for text in found]


def run(
    bench: Bench,
    name: str,
    inject: AbstractContextManager[None],
    seconds: float,
    ways: Sequence[Way],
    *,
    think: float = THINK,
) -> list[Trial]:
    """Loads the ways, injects the fault for some seconds, and sees them recover."""
    logged = {replica: replica.log.stat().st_size for way in ways for replica in way.replicas}
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(bench.clients, way.ports, think=think)) for way in ways]
        wait_until(lambda: all(_warm(load) for load in loads), 20, "the load before the fault")
        began = time.monotonic()
        with inject:
            time.sleep(seconds)
        ended = time.monotonic()
        wait_until(lambda: all(_recovered(load, ended) for load in loads), RECOVERY_SECONDS, "recovery")
        time.sleep(AFTER_SECONDS)
    return [_judged(name, way, load, (began, ended), logged) for way, load in zip(ways, loads, strict=True)]


def _warm(load: Load) -> bool:
    """Whether every client has rows of its own."""
    return all(len(visitor.writes) > 2 for visitor in load.visitors)


def _recovered(load: Load, ended: float) -> bool:
    return load.seen.first_success(ended) is not None


def _judged(name: str, way: Way, load: Load, moments: tuple[float, float], logged: dict[Replica, int]) -> Trial:
    writes = [write for visitor in load.visitors for write in visitor.writes]
    verdict = judge(writes, Facts.read(way.postgres, way.database, load.users))
    lines = [line for replica in way.replicas for line in replica.log_lines(logged[replica])]
    explained = {line["request_id"]: _cause(line) for line in lines if line.get("error.code") == "database_unavailable"}
    refused = [answer for _, answer in load.seen.answers if answer.code() == "database_unavailable"]
    causes = Counter(explained[_request_id(answer)] for answer in refused if _request_id(answer) in explained)
    return Trial(
        name,
        way.name,
        *moments,
        load.seen,
        verdict,
        causes,
        len(refused) - causes.total() + causes[""],
        sum(visitor.missing for visitor in load.visitors),
    )


def _request_id(answer: Answer) -> str:
    return answer.headers["x-request-id"]


def _cause(line: dict[str, object]) -> str:
    """The SQLSTATE, or else the beginning of the reason, with what the server said in it."""
    if state := line["db.response.status_code"]:
        return str(state)
    reason, _, words = str(line["error.reason"] or "").partition(": ")
    told = re.search(r"FATAL:\s+(.*?)(?= DETAIL:| HINT:| server closed|$)", words)
    return f"{reason}: {told[1]}" if told else reason
