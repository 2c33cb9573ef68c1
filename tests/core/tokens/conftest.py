"""A server of published keys, for each test its own."""

from collections.abc import Iterator

import pytest

from tests.core.tokens.key_server import FIRST, KeyServer


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """It publishes FIRST."""
    running = KeyServer(FIRST)
    yield running
    running.close()
