"""What a fault is: something that is done to the arrangement for a while, and by what it is known in the log."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.faults.bench import Bench
from tests.faults.bounds import DEADLINE_SECONDS, RECOVERED_SECONDS

Inject = Callable[[Bench], AbstractContextManager[None]]

SECONDS = 1.5
# Longer than a request waits for the database, so that clients meet the deadline.
SILENCE = DEADLINE_SECONDS + 1.5
LOST = "connection lost"
CANNOT = "cannot connect"
DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Fault:
    """`causes`: the log of the rejected requests names at least one of them; none where nobody need be rejected.

    Where there are causes, it lasts for `seconds` and then until it is met (see tests.faults.trial). `ways` are the
    ways that it is about: most faults are about both.
    """

    name: str
    inject: Inject
    causes: frozenset[str] = frozenset()
    seconds: float = SECONDS
    ways: tuple[str, ...] = ("direct", "pooled")
    # Whether connections stay dead without a sign: whoever waits on one then waits until the deadline.
    leaves_dead: bool = False
    # Whether it is over before the first one is rejected for it: then it lasts until somebody has asked.
    met_later: bool = False

    def first_success_within(self, way: str) -> float:
        """Seconds after its end in which some request succeeds. A pooler pauses for a second, and logs in again; on a
        dead connection one deadline is waited for, not two."""
        waits = self.leaves_dead or way != "direct"
        return RECOVERED_SECONDS + (DEADLINE_SECONDS if waits else 0)


def fault(name: str, inject: Inject, *causes: str, seconds: float = SECONDS, **options: Any) -> Fault:
    """A fault with its causes in a row."""
    return Fault(name, inject, frozenset(causes), seconds, **options)


@contextmanager
def repeating(act: Callable[[], object], pause: float) -> Iterator[None]:
    """Does it now, and again after each pause."""
    ended = threading.Event()

    def repeat() -> None:
        act()
        while not ended.wait(pause):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
