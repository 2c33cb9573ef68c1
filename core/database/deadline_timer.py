"""A timer for deadlines that are nearly always met: setting it again costs a comparison, and meeting one nothing."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings at the earliest time that it was set to and not since rung; what was met meanwhile, the ringer sees.

    `ring` does what is due by the event loop's clock, and gives the time of what is due next, or None.
    """

    def __init__(self, ring: Callable[[float], float | None]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._when = float("inf")

    def set(self, when: float) -> None:
        """Rings at `when`, on the running event loop's clock, or earlier."""
        if self._timer is not None:
            if when >= self._when:
                return
            self._timer.cancel()
        self._when = when
        self._timer = asyncio.get_running_loop().call_at(when, self._go)

    def stop(self) -> None:
        """Does not ring any more, until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go(self) -> None:
        self._timer = None
        # Timers have milliseconds, and may be early by one.
        following = self._ring(asyncio.get_running_loop().time() + 0.001)
        if following is not None:
            self.set(following)
