"""The contract holds with the fast path and without it."""

from collections.abc import Callable

import pytest

from tests.conftest import RunningServer


@pytest.fixture(scope="session", params=[True, False], ids=["fast path", "FastAPI's own way"])
def api_server(request: pytest.FixtureRequest, start_lasting_server: Callable[..., RunningServer]) -> RunningServer:
    """The server of these tests, in both ways."""
    return start_lasting_server(sign_in_attempts_per_address=1_000_000, fast_path=request.param)
