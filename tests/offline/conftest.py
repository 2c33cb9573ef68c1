"""How many schedules are run, and the API that they run against."""

from collections.abc import Callable, Iterator

import pytest

from tests.better_auth.servers import install
from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess
from tests.offline.schedules import CLIENT, Schedules


def pytest_addoption(parser: pytest.Parser) -> None:
    """As many schedules as that from the first on, or one that is to be replayed."""
    parser.addoption("--seeds", type=int, default=25, help="schedules (default 25)")
    parser.addoption("--seed", type=int, default=None, help="the one schedule to run")


@pytest.fixture(scope="session")
def schedules(make_database: Callable[[], TestDatabase]) -> Iterator[Schedules]:
    """The clients, and the shipped program on a database of its own."""
    install(CLIENT.parent)
    database = make_database()
    with ApiProcess(database.url) as api:
        yield Schedules(api.url, database)
