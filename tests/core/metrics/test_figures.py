"""Each figure says what it should: of what waits, what is rejected, the keys, the log; or there is none at all."""

import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from core.config import NAME, VERSION
from core.http.admission import FLOOD
from core.metrics.families import CODES, FAMILIES
from tests.conftest import TestDatabase, UserClient, project_root
from tests.core.api_process import ApiProcess
from tests.core.metrics.scraped import Scraped, access_lines, scrape
from tests.core.raw_http import connect
from tests.core.tokens.key_server import KeyServer, SigningKey
from tests.ports import free_port
from tests.waiting import poll

# The last of them are rejected unseen.
REJECTED = FLOOD + 3


@pytest.fixture
def port() -> int:
    """Of the figures."""
    return free_port()


@pytest.fixture
def process(own: TestDatabase, port: int) -> Iterator[ApiProcess]:
    """With one connection, and two places."""
    with ApiProcess(own.url, METRICS_PORT=str(port), DATABASE_POOL_SIZE="1", MAX_CONCURRENT_REQUESTS="2") as running:
        yield running


@pytest.fixture(scope="module")
def counting(own: TestDatabase) -> Iterator[tuple[ApiProcess, int]]:
    """For the tests that take its figures as they find them, and the port of these."""
    port = free_port()
    with ApiProcess(own.url, METRICS_PORT=str(port)) as running:
        yield running, port


def test_every_family_is_there_and_starts_at_nothing(process: ApiProcess, port: int) -> None:
    before = time.time()
    found = scrape(port)
    names = {name.removesuffix("_total"): family.kind for name, family in FAMILIES.items()}
    assert found.kinds == {**names, "process_start_time_seconds": "gauge", "target_info": "gauge"}
    assert before - 60 < found.of("process_start_time_seconds") <= before
    assert found.of("target_info", service_name=NAME, service_version=VERSION) == 1
    assert {code: found.of("todo_api_problems_total", code=code) for code in CODES} == dict.fromkeys(CODES, 0)
    assert ("todo_api_problems_total", (("code", "too_many_attempts"),)) in found.values


def test_what_waits_is_seen_while_it_waits(process: ApiProcess, own: TestDatabase, port: int) -> None:
    with own.connect() as lock, lock.cursor() as sql, UserClient(process.url) as user:
        user.create_task()
        sql.execute("LOCK TABLE todo.tasks")
        request = (
            f"GET {user.tasks} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {user.headers['Authorization']}\r\n\r\n"
        )
        with connect(process.port) as first, connect(process.port) as second:
            first.send(request.encode())
            poll(lambda: scrape(port).of("http_server_active_requests") == 1)
            second.send(request.encode())
            poll(lambda: scrape(port).of("http_server_active_requests") == 2)
            found = scrape(port)
            rejected = [user.get(user.tasks).json()["code"] for _ in range(REJECTED)]
            lock.rollback()
            assert first.response() is not None
            assert second.response() is not None
    lock.close()
    assert found.of("db_client_connection_count", db_client_connection_state="used") == 1
    assert found.of("db_client_connection_max") == 1
    assert found.of("db_client_connection_pending_requests") == 1
    assert set(rejected) == {"overloaded"}
    poll(lambda: access_lines(process) == scrape(port).requests())
    after = scrape(port)
    assert after.of("todo_api_problems_total", code="overloaded") == REJECTED
    assert after.of("http_server_active_requests") == 0
    assert after.of("db_client_connection_count", db_client_connection_state="idle") == 1
    # The first request had a connection opened, and the last one waited for it.
    assert after.of("db_client_connection_wait_time_seconds_count") >= 2
    assert after.of("db_client_connection_wait_time_seconds_sum") > 0
    assert after.of("db_client_operation_duration_seconds_count") >= 3
    assert after.of("db_client_operation_duration_seconds_sum") > 0


def test_a_duration_is_in_the_buckets_that_are_at_least_as_long(counting: tuple[ApiProcess, int]) -> None:
    process, port = counting
    for _ in range(3):
        assert httpx.get(f"{process.url}/health/live").status_code == 200
    labels = {"http_request_method": "GET", "http_route": "/health/live", "http_response_status_code": "200"}
    found = scrape(port)
    name = "http_server_request_duration_seconds"
    buckets = [
        value for (series, said), value in found.values.items() if series == f"{name}_bucket" and _has(said, labels)
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found.of(f"{name}_count", **labels) >= 3
    assert 0 < found.of(f"{name}_sum", **labels) < 10 * buckets[-1]


def test_what_anybody_invents_makes_no_series_of_its_own(counting: tuple[ApiProcess, int]) -> None:
    process, port = counting
    before = len(scrape(port).values)
    for number in range(20):
        method = ("PROPFIND", "PURGE", "MKCOL", "REPORT")[number % 4]
        assert httpx.request(method, f"{process.url}/nowhere/{number}").status_code == 404
    found = scrape(port)
    assert len(found.values) <= before + 16 * 2
    assert sum(count for (method, _, _), count in found.requests().items() if method == "_OTHER") == 20


def test_what_is_not_http_is_counted(counting: tuple[ApiProcess, int]) -> None:
    """A proxy that breaks requests is seen."""
    process, port = counting
    before = scrape(port)
    with connect(process.port) as one:
        one.send(b"BREW / HTTP/9\r\n\r\n")
        assert one.response() is not None
    after = scrape(port)
    code = "bad_request"
    counted = after.of("todo_api_problems_total", code=code) - before.of("todo_api_problems_total", code=code)
    assert counted == 1


def test_sign_ins_that_are_throttled_are_counted(own: TestDatabase, port: int) -> None:
    with ApiProcess(own.url, METRICS_PORT=str(port), SIGN_IN_ATTEMPTS_PER_ACCOUNT="2") as process:
        for _ in range(4):
            given = {"email": "throttled@example.com", "password": "a long pass phrase"}
            httpx.post(f"{process.url}/api/v1/auth/sign-in", json=given)
        found = scrape(port)
    assert found.of("todo_api_problems_total", code="too_many_attempts") == 2


def test_the_keys_of_the_sign_in_server_have_an_age(own: TestDatabase, port: int) -> None:
    key = SigningKey(kid="first")
    server = KeyServer(key)
    try:
        with ApiProcess(own.url, METRICS_PORT=str(port), BETTER_AUTH_URL=server.url) as process:
            assert scrape(port).of("todo_api_key_fetches_total", result="success") == 0
            assert scrape(port).of("todo_api_keys_age_seconds") == 0
            headers = {"Authorization": f"Bearer {key.token(server.url, sub='somebody')}"}
            assert httpx.get(f"{process.url}/api/v1/users/me/tasks", headers=headers).status_code == 200
            poll(lambda: scrape(port).of("todo_api_keys_age_seconds") > 0)
            assert scrape(port).of("todo_api_key_fetches_total", result="success") == 1
            server.status = 500
            unknown = {"Authorization": f"Bearer {SigningKey(kid='other').token(server.url, sub='somebody')}"}
            httpx.get(f"{process.url}/api/v1/users/me/tasks", headers=unknown)
            assert scrape(port).of("todo_api_key_fetches_total", result="failure") == 1
    finally:
        server.close()


def test_lines_that_the_log_could_not_take_are_counted(process: ApiProcess, port: int) -> None:
    process.stop_reading()
    with UserClient(process.url) as user:
        while scrape(port).of("todo_api_log_lines_dropped_total") == 0:
            for _ in range(100):
                user.get("/" + "%01" * 500)
    process.go_on_reading()
    told = process.find(lambda line: line["message"] == "log lines dropped")
    assert scrape(port).of("todo_api_log_lines_dropped_total") >= told["todo_api.dropped_lines"] > 0


REQUESTS = {
    "another path": (b"GET /api/v1/users/me HTTP/1.1\r\n\r\n", 404),
    "another method": (b"POST /metrics HTTP/1.1\r\n\r\n", 404),
    "a query": (b"GET /metrics?name=x HTTP/1.1\r\n\r\n", 200),
    "no HTTP": (b"hello\r\n\r\n", 404),
    "a head without an end": (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20000, None),
}


def test_there_is_nothing_but_the_figures(counting: tuple[ApiProcess, int]) -> None:
    _, port = counting
    for kind, (sent, expected) in REQUESTS.items():
        with connect(port) as connection:
            connection.send(sent)
            response = connection.response()
            assert (response.status if response else None) == expected, kind
        assert scrape(port).kinds


def test_it_listens_on_this_machine_alone_and_says_where_it_cannot(
    own: TestDatabase, counting: tuple[ApiProcess, int]
) -> None:
    _, port = counting
    failed = ApiProcess(own.url, METRICS_PORT=str(port))
    assert failed.wait() < 60
    assert failed.exit_status == 1
    line = failed.find(lambda line: line["message"] == "cannot listen")
    assert (line["server.address"], line["server.port"]) == ("127.0.0.1", port)


OFF = """
import sys
from main import create_app
from tests.conftest import make_settings
app = create_app(make_settings(), "postgresql://nobody@localhost/none")
print(sorted(name for name in sys.modules if name.startswith(("core.metrics", "prometheus"))), app.services.observe)
"""


def test_nothing_is_imported_and_nobody_is_told_where_it_is_off() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], cwd=project_root(), capture_output=True, text=True, check=True)
    assert done.stdout == "[] None\n"


def _has(said: tuple[tuple[str, str], ...], labels: dict[str, str]) -> bool:
    return labels.items() <= dict(said).items()


def test_a_series_that_falls_is_found() -> None:
    text = "# TYPE x_total counter\nx_total {}\n# TYPE y gauge\ny {}\n"
    assert Scraped(text.format(2, 2)).fell(Scraped(text.format(1, 1))) == [("x_total", ())]
