"""What is counted: each request as it ends, and now and then what the parts of the process say of themselves."""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

from core.http.context import RequestContext
from core.metrics.cells import Cells
from core.metrics.families import BOUNDS, CODES, CONNECTION_WAITS, DURATIONS, METHODS, OPERATIONS, PROBLEMS

# The last number of a histogram's cell, behind its buckets.
SUM = len(BOUNDS) + 1
# What a part of the process says; it is named by its family and the values of the labels.
Source = Callable[[], float]


class Meter:
    """`observe` is on the way of every request: some lookups and additions. `started` is when the first process was,
    on the clock of time.time().
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.started = time.time()
        # What these give is told as it is, and what those give only grows, from 0 with each process.
        self.gauges: dict[tuple[str, ...], Source] = {}
        self.totals: dict[tuple[str, ...], Source] = {}
        self._told: dict[tuple[str, ...], float] = {}
        self._numbers = cells.numbers
        self.take(0)

    def take(self, place: int) -> None:
        """Says which of the workers this process is."""
        self.cells.take(place)
        self._requests: dict[tuple[str, str | None, int], int] = {}
        self._problems = {code: self.cells.at(PROBLEMS, code) for code in CODES}
        self._operations = self.cells.at(OPERATIONS)
        self._waits = self.cells.at(CONNECTION_WAITS)
        self.publish()

    def observe(
        self,
        scope: Mapping[str, Any],
        status: int,
        seconds: float,
        found: RequestContext | None,
        code: str | None = None,
    ) -> None:
        """A request has ended: see core.http.context.Observe."""
        numbers = self._numbers
        if found is None:
            route: str | None = None
        else:
            route = found.route or getattr(scope.get("route"), "path", None)  # FastAPI knows the route of a 405
            code = found.problem_code
            if found.statements:
                at = self._operations
                numbers[at] += found.statements
                numbers[at + 1] += found.statements_seconds
            if found.waiting_seconds:
                at = self._waits
                numbers[at] += 1
                numbers[at + 1] += found.waiting_seconds
        at = self._requests.get((scope["method"], route, status)) or self._first(scope["method"], route, status)
        numbers[at + bisect_left(BOUNDS, seconds)] += 1
        numbers[at + SUM] += seconds
        if code is not None:
            numbers[self._problems.get(code) or self.cells.at(PROBLEMS, code)] += 1

    def publish(self) -> None:
        """Writes down what the parts of this process say of themselves."""
        for name, source in self.gauges.items():
            self._numbers[self.cells.at(*name)] = source()
        for name, source in self.totals.items():
            now = source()
            self._numbers[self.cells.at(*name)] += now - self._told.get(name, 0.0)
            self._told[name] = now

    def _first(self, method: str, route: str | None, status: int) -> int:
        """The first request of its kind. What is no method of HTTP is anybody's invention."""
        named = method if method in METHODS else "_OTHER"
        at = self.cells.at(DURATIONS, named, route or "", str(status))
        if named == method:
            self._requests[method, route, status] = at
        return at
