"""Waits for what happens elsewhere: in another thread, process or session."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(attempt: Callable[[], T | None]) -> T:
    """What `attempt` gives once it is something: neither None nor False, nor empty.

    A minute is enough for a machine that has much else to do, and only what never happens takes it.
    """
    deadline = time.monotonic() + 60
    while not (found := attempt()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found
