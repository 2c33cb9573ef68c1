"""What a request pays for being counted: a few calls, none of the system."""

from typing import Any

from core.http.context import RequestContext
from core.metrics.cells import Cells
from core.metrics.meter import Meter
from main import create_app
from tests.conftest import make_settings
from tests.core.http.count_calls import Counter

SCOPE: dict[str, Any] = {"method": "GET"}
# `observe` itself, a look for the series, the place of the duration among the buckets; and the end of the counting.
CALLS = 5


def known() -> RequestContext:
    """What is known of a request with one statement."""
    found = RequestContext(create_app(make_settings(), "postgresql://nobody@localhost/none").services, "id", [], {})
    found.route, found.statements, found.statements_seconds = "/api/v1/users/{user_id}/tasks", 1, 0.001
    return found


def test_a_request_pays_a_few_calls() -> None:
    meter, found = Meter(Cells(2)), known()
    meter.observe(SCOPE, 200, 0.002, found)
    with Counter() as counter:
        meter.observe(SCOPE, 200, 0.002, found)
    assert counter.calls <= CALLS
