"""Who calls the server that a file of tests has started."""

from collections.abc import Iterator

import pytest

from tests.conftest import RunningServer, UserClient


@pytest.fixture
def user(server: RunningServer) -> Iterator[UserClient]:
    """A user whom the database knows."""
    with UserClient(server.url) as made:
        assert made.get("/api/v1/users/me").status_code == 200
        yield made
