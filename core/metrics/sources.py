"""What the parts of a process say of themselves, for the figures: the pool, the concurrency limit, keys, the log."""

import time

from core import logging
from core.database.database import Database
from core.http.admission import Gate
from core.metrics.families import (
    ACTIVE,
    CONNECTIONS,
    CONNECTIONS_MOST,
    CONNECTIONS_PENDING,
    KEY_AGE,
    KEY_FETCHES,
    LOG_DROPPED,
)
from core.metrics.meter import Meter
from core.tokens.published_keys import PublishedKeys
from core.tokens.verifier import TokenVerifier


def watch(meter: Meter, database: Database, gate: Gate, verifier: TokenVerifier) -> None:
    """Has `meter` ask them, and tells what they say now."""
    pool = database.pool
    meter.gauges.update(
        {
            (ACTIVE,): lambda: gate.active,
            (CONNECTIONS, "used"): lambda: pool.used,
            (CONNECTIONS, "idle"): lambda: pool.idle,
            (CONNECTIONS_MOST,): lambda: pool.size,
            (CONNECTIONS_PENDING,): lambda: pool.pending,
        }
    )
    meter.totals[LOG_DROPPED,] = logging.dropped
    for one in verifier.sources:
        if isinstance(one, PublishedKeys):
            _watch_keys(meter, one)
    meter.publish()


def _watch_keys(meter: Meter, keys: PublishedKeys) -> None:
    meter.gauges[KEY_AGE,] = lambda: time.monotonic() - keys.asked_at if keys.fetched else 0.0
    meter.totals[KEY_FETCHES, "success"] = lambda: keys.fetched
    meter.totals[KEY_FETCHES, "failure"] = lambda: keys.failed
