"""The concurrency limit: how many requests are processed at once; further ones are rejected."""

import time

from core.problems import Problem, ProblemError

# So many rejections in a row are a flood: then requests are rejected without being looked at.
FLOOD = 100


class Gate:
    """Processes so many requests at once; one more raises ProblemError 503, so that none waits for long.

    A request counts from when its body is complete, so that slow clients do not count.
    """

    def __init__(self, places: int) -> None:
        self._places = self._free = places
        # How many were rejected with less than a second between two, and when the last one was.
        self._rejected = 0
        self._rejected_at = float("-inf")

    def __enter__(self) -> None:
        if self._free <= 0:
            raise self.reject()
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1

    @property
    def active(self) -> int:
        """How many are processed now."""
        return self._places - self._free

    @property
    def flooded(self) -> bool:
        """Whether so many are rejected that a full response to each would take the time of those that are processed."""
        return self._free <= 0 and self._rejected >= FLOOD and time.monotonic() - self._rejected_at < 1

    def reject(self) -> ProblemError:
        """The problem for a request above the limit."""
        now = time.monotonic()
        self._rejected = self._rejected + 1 if now - self._rejected_at < 1 else 1
        self._rejected_at = now
        return ProblemError(Problem.OVERLOADED, "The server has as much to do as it can. Try again shortly.")
