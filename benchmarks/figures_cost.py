"""What METRICS_PORT costs a request with one statement, in microseconds: .venv/bin/python -m benchmarks.figures_cost"""

import time

from core.metrics.cells import Cells
from core.metrics.meter import Meter
from tests.core.metrics.test_cost import SCOPE, known

REQUESTS, ROUNDS = 100_000, 9


def main() -> None:
    """The best of some rounds."""
    meter, found = Meter(Cells(2)), known()
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(REQUESTS):
            meter.observe(SCOPE, 200, 0.002, found)
        best = min(best, (time.perf_counter() - began) / REQUESTS * 1e6)
    print(f"{best:.2f} µs a request")


if __name__ == "__main__":
    main()
