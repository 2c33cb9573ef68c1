"""Who calls the program that a file of tests has started."""

from collections.abc import Iterator

import pytest

from tests.conftest import UserClient
from tests.core.api_process import ApiProcess
from tests.core.served import Served


@pytest.fixture(scope="module")
def served(process: ApiProcess) -> Iterator[Served]:
    """The program, counted."""
    with Served(process) as counted:
        yield counted


@pytest.fixture
def user(process: ApiProcess) -> Iterator[UserClient]:
    """A user whom the database has never seen."""
    with UserClient(process.url) as made:
        yield made
