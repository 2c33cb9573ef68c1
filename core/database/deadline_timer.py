"""A timer for deadlines that are nearly always met: setting it again costs a comparison, and meeting one nothing."""

import asyncio
from collections.abc import Callable


class DeadlineTimer:
    """Calls `expire` once at the earliest deadline that it was set to, also where that deadline was met meanwhile.

    `expire` gets the event loop's time, ends what is overdue by then, and returns the next deadline, or None.
    """

    def __init__(self, expire: Callable[[float], float | None]) -> None:
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._when = float("inf")

    def set(self, when: float) -> None:
        """Adds a deadline, on the running event loop's clock."""
        if self._timer is not None:
            if when >= self._when:
                return
            self._timer.cancel()
        self._when = when
        self._timer = asyncio.get_running_loop().call_at(when, self._go)

    def stop(self) -> None:
        """Forgets the deadlines that were set."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go(self) -> None:
        self._timer = None
        # Timers have milliseconds, and may be early by one.
        following = self._expire(asyncio.get_running_loop().time() + 0.001)
        if following is not None:
            self.set(following)
