"""By when a request must have its response, and what the database has taken of its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Usage:
    """Times are in seconds. `deadline` is on the event loop's clock, 0 where there is none."""

    __slots__ = ("deadline", "statements", "statements_seconds", "waiting_seconds")

    def __init__(self, deadline: float = 0.0) -> None:
        self.deadline = deadline
        # How often it was asked, for how long in all, and how long a connection was waited for before.
        self.statements = 0
        self.statements_seconds = 0.0
        self.waiting_seconds = 0.0

    @property
    def owner(self) -> str | None:
        """Whose rows it is about, None where nobody's."""
        return None


@contextmanager
def waiting(usage: Usage | None) -> Iterator[None]:
    """What its block takes, a connection was waited for."""
    began = time.perf_counter()
    try:
        yield
    finally:
        if usage is not None:
            usage.waiting_seconds += time.perf_counter() - began
