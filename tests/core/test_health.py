"""Liveness says that the process responds, readiness that the database does and has the revision of the code."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from core.database import migrations
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem

NOT_READY, OTHER_REVISION = "The database is not ready.", "The database has another revision than the code."
OK = {"status": "ok"}


@pytest.fixture(scope="module")
def own_database(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database that these tests may break."""
    return make_database()


@pytest.fixture(scope="module")
def own_server(start_server: Callable[..., RunningServer], own_database: TestDatabase) -> RunningServer:
    """A server that takes no earlier result of it as proof."""
    return start_server(database=own_database, readiness_max_age=0)


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


def test_without_the_database_the_process_lives_and_is_not_ready(
    probe: httpx.Client, own_database: TestDatabase
) -> None:
    own_database.proxy.refuse()
    try:
        for _ in range(2):
            assert_ready(probe.get("/live"))
            response = probe.get("/ready")
            assert_problem(response, 503, "database_unavailable", detail=NOT_READY)
            assert 1 <= int(response.headers["retry-after"]) <= 3
    finally:
        own_database.proxy.accept()
    assert_ready(probe.get("/ready"))


def test_while_the_database_is_silent_everything_gets_a_response_in_time(
    own_server: RunningServer, own_database: TestDatabase
) -> None:
    def timed(path: str) -> tuple[int, float]:
        with UserClient(own_server.url) as user:
            started = time.monotonic()
            response = user.get(path)
            return response.status_code, time.monotonic() - started

    own_database.proxy.pause()
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
        own_database.proxy.resume()
    status, seconds = timed("/health/ready")
    assert (status, seconds < 5) == (200, True)


@pytest.mark.parametrize("revision", ["0", "ffffffffffff"])
def test_another_revision_than_the_codes_is_not_ready(
    probe: httpx.Client, own_database: TestDatabase, revision: str
) -> None:
    own_database.query("UPDATE alembic_version SET version_num = %s", revision)
    try:
        assert_problem(probe.get("/ready"), 503, "database_unavailable", detail=OTHER_REVISION)
        assert_ready(probe.get("/live"))
    finally:
        own_database.query("UPDATE alembic_version SET version_num = %s", migrations.head())
    assert_ready(probe.get("/ready"))


def test_a_database_that_was_never_migrated_is_not_ready(probe: httpx.Client, own_database: TestDatabase) -> None:
    own_database.query("ALTER TABLE alembic_version RENAME TO hidden")
    try:
        assert_problem(probe.get("/ready"), 503, "database_unavailable", detail=NOT_READY)
    finally:
        own_database.query("ALTER TABLE hidden RENAME TO alembic_version")
    own_database.query("DELETE FROM alembic_version")
    try:
        assert_problem(probe.get("/ready"), 503, "database_unavailable", detail=OTHER_REVISION)
    finally:
        own_database.query("INSERT INTO alembic_version VALUES (%s)", migrations.head())
    assert_ready(probe.get("/ready"))


def test_the_database_is_asked_once_in_the_time_that_a_result_holds(
    start_server: Callable[..., RunningServer], own_database: TestDatabase
) -> None:
    server = start_server(database=own_database, readiness_max_age=600)
    own_database.proxy.clear()
    with UserClient(server.url) as user:
        for _ in range(10):
            assert_ready(user.get("/health/ready"))
            assert_ready(user.get("/health/live"))
    assert own_database.proxy.queries == ["SELECT todo.alembic_version.version_num \nFROM todo.alembic_version"]


def test_any_response_of_the_database_is_proof_that_it_is_there(
    start_server: Callable[..., RunningServer], own_database: TestDatabase
) -> None:
    server = start_server(database=own_database, readiness_max_age=0.5)
    with UserClient(server.url) as user:
        user.create_task()
        assert_ready(user.get("/health/ready"))
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:  # longer than the probe's own result holds
            assert user.get(user.tasks).status_code == 200
        own_database.proxy.clear()
        assert_ready(user.get("/health/ready"))
        assert own_database.proxy.queries == []


def test_a_wrong_revision_stays_not_ready_while_other_requests_are_served(
    start_server: Callable[..., RunningServer], own_database: TestDatabase
) -> None:
    server = start_server(database=own_database, readiness_max_age=0.2)
    with UserClient(server.url) as user:
        assert_ready(user.get("/health/ready"))
        own_database.query("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        try:
            time.sleep(0.3)  # until the good result no longer holds
            for _ in range(5):
                assert_problem(user.get("/health/ready"), 503, "database_unavailable", detail=OTHER_REVISION)
                assert user.get(user.tasks).status_code == 200
        finally:
            own_database.query("UPDATE alembic_version SET version_num = %s", migrations.head())
        assert_ready(user.get("/health/ready"))
