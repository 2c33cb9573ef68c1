"""The arrangement that all faults share, the report, and progress on the terminal."""

import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.bench import Bench, running
from tests.faults.report import Report

Say = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the soak takes."""
    parser.addoption("--soak", type=float, default=180, help="seconds of the soak (default 180)")


def pytest_configure() -> None:
    """Whoever ends the run by SIGTERM ends what it started as well."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Say:
    """Writes a line of progress to the terminal, also while output is captured."""
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")
    assert capture is not None

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n  {text}", end="", flush=True)  # noqa: T201

    return write


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """PostgreSQL, PgBouncer, the proxies and the API's processes."""
    with tempfile.TemporaryDirectory(prefix="todo-api-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder)) as made:
            yield made


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    """What is measured; docs/reliability.md is written in the end, whatever the outcome."""
    gathered = Report()
    yield gathered
    gathered.write()
