"""A browser, and the example on one origin and on two, each once for all tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.better_auth.conftest import database_of_its_own
from tests.better_auth.servers import install
from tests.compatibility import instrumented
from tests.conftest import TestDatabase
from tests.faults import packages
from tests.web.browser import HERE, Driver, started
from tests.web.site import EXAMPLE, Site
from tests.web.tracing import spans
from tests.web.visitor import Visitor

__all__ = ["database_of_its_own"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where pictures go. Of a relative path the browser, which runs in another folder, would make another place."""
    told = "the folder to write the pictures of the documents to"
    parser.addoption("--pictures", type=lambda path: Path(path).resolve(), default=None, help=told)


def _cannot(why: str) -> NoReturn:
    # In CI what is missing is a failure; at a desk it is none.
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    raise AssertionError


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """One browser for all tests."""
    chromium = packages.find("chromium")
    if chromium is None:
        _cannot("Chromium cannot be had here. On Debian: apt-get install chromium")
    install(HERE)
    with started(chromium) as running:
        yield running


@pytest.fixture(scope="session")
def sites(
    driver: Driver,
    database: TestDatabase,
    database_of_its_own: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[bool], Site]]:
    """Starts what serves the page on one origin, or on two; each once."""
    install(EXAMPLE)
    made: dict[bool, Site] = {}
    with ExitStack() as running:

        def serve(is_apart: bool) -> Site:
            if is_apart not in made:
                site = Site(tmp_path_factory.mktemp("site"), database, database_of_its_own(), is_apart=is_apart)
                made[is_apart] = running.enter_context(site.serving())
            return made[is_apart]

        yield serve


@pytest.fixture
def site(sites: Callable[[bool], Site], request: pytest.FixtureRequest) -> Site:
    """On one origin, unless the file says `IS_APART = True`."""
    return sites(getattr(request.module, "IS_APART", False))


@pytest.fixture
def visit(driver: Driver, site: Site) -> Iterator[Callable[..., Visitor]]:
    """Opens the page: `visit("Alice")`; options are those of Playwright's `newContext`."""
    made: list[Visitor] = []

    def open_it(name: str = "Alice", **options: Any) -> Visitor:
        made.append(Visitor(driver, site, name, **options))
        return made[-1]

    yield open_it
    for one in made:
        one.context.close()


@pytest.fixture
def alice(visit: Callable[..., Visitor]) -> Visitor:
    """Somebody who has just signed up."""
    visitor = visit("Alice")
    visitor.sign_up()
    return visitor


@pytest.fixture(scope="session")
def opentelemetry() -> Path:
    """The programs of OpenTelemetry for Python; those for Node are beside the collector."""
    install(spans.HERE)
    return instrumented.install()
