"""Liveness says that the process responds, readiness that the database does and has the revision of the code."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from core.config import VERSION
from core.database import migrations
from core.database.compatibility import order
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.api_process import ApiProcess

NOT_READY, NOT_MIGRATED = "The database is not ready.", "The database is not migrated to what this release needs."
NO_ROOM = "A migration has left no room for this release."
FIRST_REVISION = "f3bb921031f7"
_MAJOR, _MINOR, *_ = (*order(VERSION), 0)
# Than this one, whichever it is.
LATER = [f"{_MAJOR}.{_MINOR + 1}.0", f"{_MAJOR}.{_MINOR + 10}.0", f"{_MAJOR + 1}.0.0"]
OK = {"status": "ok"}


@pytest.fixture(scope="module")
def own_server(start_server: Callable[..., RunningServer], own: TestDatabase) -> RunningServer:
    """A server that takes no earlier result of it as proof."""
    return start_server(database=own, readiness_max_age=0)


@pytest.fixture
def probe(own_server: RunningServer) -> Iterator[httpx.Client]:
    """An orchestrator."""
    with httpx.Client(base_url=f"{own_server.url}/health", timeout=20) as client:
        yield client


def assert_ready(response: httpx.Response) -> None:
    assert (response.status_code, response.json()) == (200, OK)


def test_both_are_good_while_all_is_well(probe: httpx.Client) -> None:
    assert_ready(probe.get("/live"))
    assert_ready(probe.get("/ready"))


def test_without_the_database_the_process_lives_and_is_not_ready(probe: httpx.Client, own: TestDatabase) -> None:
    own.proxy.refuse()
    try:
        for _ in range(2):
            assert_ready(probe.get("/live"))
            response = probe.get("/ready")
            assert_problem(response, 503, "database_unavailable", detail=NOT_READY)
            assert 1 <= int(response.headers["retry-after"]) <= 3
    finally:
        own.proxy.accept()
    assert_ready(probe.get("/ready"))


def test_while_the_database_is_silent_everything_gets_a_response_in_time(
    own_server: RunningServer, own: TestDatabase
) -> None:
    def timed(path: str) -> tuple[int, float]:
        with UserClient(own_server.url) as user:
            started = time.monotonic()
            response = user.get(path)
            return response.status_code, time.monotonic() - started

    own.proxy.pause()
    try:
        with ThreadPoolExecutor() as pool:
            ready = pool.submit(timed, "/health/ready")
            tasks = pool.submit(timed, "/api/v1/users/me/tasks")
            status, seconds = timed("/health/live")
            assert (status, seconds < 1) == (200, True)
            status, seconds = ready.result()
            assert (status, seconds < 5) == (503, True)
            status, seconds = tasks.result()
            assert (status, seconds < 6) == (503, True)
    finally:
        own.proxy.resume()
    status, seconds = timed("/health/ready")
    assert (status, seconds < 5) == (200, True)


@contextmanager
def sql_in_effect(database: TestDatabase, change: str, back: str) -> Iterator[None]:
    """While the block runs, `change` has been done; then `back` is."""
    database.query(change)
    try:
        yield
    finally:
        database.query(back)


def revision(database: TestDatabase, found: str) -> AbstractContextManager[None]:
    """The database has another revision meanwhile."""
    update = "UPDATE alembic_version SET version_num = '{}'"
    return sql_in_effect(database, update.format(found), update.format(migrations.head()))


def oldest_release(database: TestDatabase, release: str) -> AbstractContextManager[None]:
    """What a migration that takes something away says meanwhile."""
    update = "UPDATE schema_compatibility SET oldest_release = '{}'"
    return sql_in_effect(database, update.format(release), update.format("0.1.0"))


def test_an_older_schema_is_not_ready(probe: httpx.Client, own: TestDatabase) -> None:
    with revision(own, FIRST_REVISION):
        assert_problem(probe.get("/ready"), 503, "schema_too_old", detail=NOT_MIGRATED)
        assert_ready(probe.get("/live"))
    assert_ready(probe.get("/ready"))


def test_the_log_says_at_the_start_that_the_schema_is_older(own: TestDatabase) -> None:
    """Where nobody probes, the first request would meet it as a 500."""
    with revision(own, FIRST_REVISION), ApiProcess(own.url) as process:
        told = process.find(lambda line: line["message"] == "not ready")
    found = [told[name] for name in ("level", "error.code", "todo_api.revision.database", "todo_api.revision.code")]
    assert found == ["warning", "schema_too_old", FIRST_REVISION, migrations.head()]


@pytest.mark.parametrize("oldest", ["0.0.9", VERSION])
def test_a_newer_schema_that_leaves_room_is_ready(probe: httpx.Client, own: TestDatabase, oldest: str) -> None:
    with revision(own, "ffffffffffff"), oldest_release(own, oldest):
        assert_ready(probe.get("/ready"))


def test_one_warning_says_that_the_schema_is_newer(own: TestDatabase) -> None:
    with ApiProcess(own.proxied_url, READINESS_MAX_AGE="0") as process, revision(own, "ffffffffffff"):
        for _ in range(3):
            last = httpx.get(f"{process.url}/health/ready").headers["x-request-id"]
        process.find(lambda line: line.get("request_id") == last and line["message"] == "request")
        (told,) = [line for line in process.lines if line["message"] == "the schema is newer than this release"]
        found = [told[f"todo_api.{name}"] for name in ("revision.database", "revision.code", "oldest_release")]
        assert (told["level"], found) == ("warning", ["ffffffffffff", migrations.head(), "0.1.0"])


@pytest.mark.parametrize(
    ("earlier", "later"), [("0.9.2", "0.10.0"), ("0.10.0", "1.0.0"), ("1.0.0rc1", "1.0.1"), ("2026.11", "2026.12.1")]
)
def test_releases_come_one_after_the_other(earlier: str, later: str) -> None:
    assert order(earlier) < order(later)


def test_what_has_no_number_is_no_release() -> None:
    assert order("1.0.0rc1") == order("1.0.0") == order("1.0.0-beta.2")
    with pytest.raises(ValueError, match="newest"):
        order("newest")


@pytest.mark.parametrize("oldest", LATER)
def test_a_newer_schema_that_leaves_no_room_is_not_ready(probe: httpx.Client, own: TestDatabase, oldest: str) -> None:
    with revision(own, "ffffffffffff"), oldest_release(own, oldest):
        assert_problem(probe.get("/ready"), 503, "schema_too_new", detail=NO_ROOM)
        assert_ready(probe.get("/live"))
    assert_ready(probe.get("/ready"))


def test_the_release_that_migrated_serves_whatever_it_says_of_older_ones(
    probe: httpx.Client, own: TestDatabase
) -> None:
    with oldest_release(own, "99.0"):
        assert_ready(probe.get("/ready"))


def test_a_database_that_was_never_migrated_is_not_ready(probe: httpx.Client, own: TestDatabase) -> None:
    hidden = ("ALTER TABLE alembic_version RENAME TO hidden", "ALTER TABLE hidden RENAME TO alembic_version")
    empty = ("DELETE FROM alembic_version", f"INSERT INTO alembic_version VALUES ('{migrations.head()}')")
    for change, back in (hidden, empty):
        with sql_in_effect(own, change, back):
            assert_problem(probe.get("/ready"), 503, "schema_too_old", detail=NOT_MIGRATED)
    assert_ready(probe.get("/ready"))


def test_the_database_is_asked_once_in_the_time_that_a_result_holds(
    start_server: Callable[..., RunningServer], own: TestDatabase
) -> None:
    server = start_server(database=own, readiness_max_age=600)
    own.proxy.clear()
    with UserClient(server.url) as user:
        for _ in range(10):
            assert_ready(user.get("/health/ready"))
            assert_ready(user.get("/health/live"))
    revision = "SELECT todo.alembic_version.version_num \nFROM todo.alembic_version"
    assert own.proxy.queries == [revision, "SHOW transaction_read_only"]


def test_any_response_of_the_database_is_proof_that_it_is_there(
    start_server: Callable[..., RunningServer], own: TestDatabase
) -> None:
    server = start_server(database=own, readiness_max_age=0.5)
    with UserClient(server.url) as user:
        user.create_task()
        assert_ready(user.get("/health/ready"))
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:  # longer than the probe's own result holds
            assert user.get(user.tasks).status_code == 200
        own.proxy.clear()
        assert_ready(user.get("/health/ready"))
        assert own.proxy.queries == []


def test_a_wrong_schema_stays_not_ready_while_other_requests_get_their_responses(
    start_server: Callable[..., RunningServer], own: TestDatabase
) -> None:
    """Also one that is migrated while requests prove that the database is there."""
    server = start_server(database=own, readiness_max_age=0.05)
    with UserClient(server.url) as user:
        assert_ready(user.get("/health/ready"))
        with revision(own, FIRST_REVISION):
            deadline = time.monotonic() + 10
            while user.get("/health/ready").status_code == 200:
                assert time.monotonic() < deadline, "it did not look at the schema"
                assert user.get(user.tasks).status_code == 200
            for _ in range(5):
                assert_problem(user.get("/health/ready"), 503, "schema_too_old", detail=NOT_MIGRATED)
                assert user.get(user.tasks).status_code == 200
        assert_ready(user.get("/health/ready"))
