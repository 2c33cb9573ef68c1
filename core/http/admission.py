"""How many requests are worked on at once, and what becomes of one too many."""

import time

from core.problems import Problem, ProblemError

# As many refusals on end are a flood: what comes then is not looked at.
FLOOD = 100


class Gate:
    """Lets so many requests in at once; what comes beyond raises ProblemError 503, and nobody queues for long.

    A request takes its place when its body is there, so that slow clients hold none.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        # How many were refused without a second's rest between two, and when the last one was.
        self._refused = 0
        self._refused_at = float("-inf")

    def __enter__(self) -> None:
        if self._free <= 0:
            raise self.refuse()
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1

    @property
    def flooded(self) -> bool:
        """Whether so many are refused that a careful refusal of each would leave no time for those who have a place."""
        return self._free <= 0 and self._refused >= FLOOD and time.monotonic() - self._refused_at < 1

    def refuse(self) -> ProblemError:
        """The answer for one that is not let in."""
        now = time.monotonic()
        self._refused = self._refused + 1 if now - self._refused_at < 1 else 1
        self._refused_at = now
        return ProblemError(Problem.OVERLOADED, "The server has as much to do as it can. Try again shortly.")
