"""Whether the small form is asked for, Chromium, and a PgBouncer before the tests' PostgreSQL."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import TestDatabase
from tests.faults import packages
from tests.faults.between import PgBouncer


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--small` is what CI runs."""
    parser.addoption("--small", action="store_true", help="fewer repetitions")


@pytest.fixture(scope="session")
def small(pytestconfig: pytest.Config) -> bool:
    """Whether fewer repetitions do."""
    return bool(pytestconfig.getoption("--small"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where it is."""
    return packages.needed("chromium")


@pytest.fixture
def start_pooled(database: TestDatabase) -> Iterator[Callable[[], str]]:
    """Starts a PgBouncer in transaction mode before the shared database; gives the URL through it."""
    packages.needed("pgbouncer")
    with ExitStack() as ends:

        def start() -> str:
            folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="todo-api-pooled-")))
            folder.chmod(0o755)
            pooler = PgBouncer(folder, database.proxy.port, "postgres")
            pooler.launch()
            ends.callback(pooler.stop)
            return database.proxied_url.replace(str(urlsplit(database.proxied_url).port), str(pooler.port))

        yield start
