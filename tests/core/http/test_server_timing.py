"""SERVER_TIMING: each response says what took how long, by names that browsers show; without it, none does."""

import re
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import RunningServer, UserClient

_METRICS = re.compile(r"(\w+);dur=(\d+\.\d{3})")


@pytest.fixture
def timed(start_server: Callable[..., RunningServer]) -> RunningServer:
    """The API with the header."""
    return start_server(server_timing=True)


def _durations(response: httpx.Response) -> dict[str, float]:
    value = response.headers.get("server-timing", "")
    found = {name: float(milliseconds) for name, milliseconds in _METRICS.findall(value)}
    assert value == ", ".join(f"{name};dur={milliseconds:.3f}" for name, milliseconds in found.items())
    return found


def test_a_response_says_how_long_token_and_database_took(timed: RunningServer) -> None:
    with UserClient(timed.url) as user:
        first = _durations(user.post(user.tasks, json={"title": "Water the plants"}))
        second = _durations(user.get(user.tasks))
    assert set(first) == {"token", "db", "wait"}, "the first one has a connection opened"
    assert set(second) >= {"token", "db"}
    assert all(0 < milliseconds < 60_000 for milliseconds in [*first.values(), *second.values()])


def test_what_was_not_done_is_not_told(timed: RunningServer) -> None:
    with UserClient(timed.url) as user:
        assert "server-timing" not in httpx.get(f"{timed.url}/health/live", verify=False).headers
        assert set(_durations(user.get("/api/v1/users/somebody-else/tasks"))) == {"token"}
        rejected = httpx.get(f"{timed.url}{user.tasks}", headers={"Authorization": "Bearer nonsense"}, verify=False)
    assert rejected.status_code == 401
    assert set(_durations(rejected)) == {"token"}


def test_nothing_is_told_without_the_setting(alice: UserClient) -> None:
    assert "server-timing" not in alice.get(alice.tasks).headers
