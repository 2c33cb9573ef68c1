"""By when a request must have its response, and what the database has taken of its time."""

import time


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


class Waiting:
    """What its block takes, a connection was waited for."""

    __slots__ = ("_began", "_usage")

    def __init__(self, usage: Usage | None) -> None:
        self._usage = usage

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._usage is not None:
            self._usage.waiting_seconds += time.perf_counter() - self._began
