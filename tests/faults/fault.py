"""What a fault is: something that is done to the arrangement for a while, and by what it is known in the log."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.faults.bench import Bench

Inject = Callable[[Bench], AbstractContextManager[None]]

SECONDS = 1.5
# Longer than a request waits for the database, so that every client meets the deadline.
SILENCE = 6.5
LOST = "connection lost"
CANNOT = "cannot connect"
DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Fault:
    """`causes`: the log of the refused requests names at least one of them; none where nobody need be refused.

    `ways` are the ways that it is about: most faults are about both.
    """

    name: str
    inject: Inject
    causes: frozenset[str] = frozenset()
    seconds: float = SECONDS
    ways: tuple[str, ...] = ("direct", "pooled")
    # Whether connections stay dead without a sign: whoever waits on one then waits until the deadline.
    leaves_dead: bool = False

    def first_success_within(self, way: str) -> float:
        """Seconds after its end in which some request succeeds. A pooler needs time to log in again."""
        return 1.0 if way == "direct" and not self.leaves_dead else 5.0


def fault(name: str, inject: Inject, *causes: str, seconds: float = SECONDS, **options: Any) -> Fault:
    """A fault with its causes in a row."""
    return Fault(name, inject, frozenset(causes), seconds, **options)
