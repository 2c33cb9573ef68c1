"""Far more requests than places: after so many rejections the next are rejected unseen, and the served are served."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from core.http.admission import FLOOD
from core.server.protocol import FLOOD_PAUSE_SECONDS
from tests.conftest import TestDatabase, UserClient, assert_problem
from tests.core.api_process import ApiProcess
from tests.core.database.locks import locked_tasks, wait_for_waiting
from tests.core.raw_http import connect
from tests.core.server.offers import OFFERS, offering
from tests.waiting import poll

BUSY = "The server has as much to do as it can. Try again shortly."
TASKS = "/api/v1/users/me/tasks"


@pytest.fixture(scope="module")
def process(own: TestDatabase) -> Iterator[ApiProcess]:
    """The program with one place."""
    with ApiProcess(own.url, MAX_CONCURRENT_REQUESTS="1", CORS_ORIGINS="https://app.example.com") as running:
        yield running


@pytest.fixture
def user(process: ApiProcess) -> Iterator[UserClient]:
    """A known user."""
    with UserClient(process.url) as made:
        assert made.get("/api/v1/users/me").status_code == 200
        yield made


@pytest.fixture
def flooded(user: UserClient, own: TestDatabase) -> Iterator[UserClient]:
    """The place is taken, and so many were rejected that the next are not looked at."""
    time.sleep(1.1)  # the flood of the test before is over
    with ThreadPoolExecutor(1) as threads, locked_tasks(own):
        under_way = threads.submit(user.get, user.tasks)
        wait_for_waiting(own)
        with UserClient(str(user.base_url), user.user_id) as rejected:
            for _ in range(FLOOD):
                assert_problem(rejected.get(TASKS), 503, "overloaded", detail=BUSY)
        yield user
    assert under_way.result().status_code == 200


def ask(user: UserClient, method: str = "GET", path: str = TASKS, **sent: object) -> httpx.Response:
    """Without a token, on a connection of its own: who was looked at is told so."""
    return httpx.request(method, user.base_url.join(path), timeout=10, **sent)  # type: ignore[arg-type]


def test_what_comes_in_a_flood_is_rejected_unseen_and_told_as_any_other(
    flooded: UserClient, process: ApiProcess
) -> None:
    response = ask(flooded, path=f"{TASKS}?limit=5", headers={"X-Request-ID": "flood-1"})
    assert_problem(response, 503, "overloaded", title="The server is busy", detail=BUSY, request_id="flood-1")
    assert 1 <= int(response.headers["retry-after"]) <= 3
    assert (response.headers["x-content-type-options"], response.headers["cache-control"]) == ("nosniff", "no-store")
    line = process.find(lambda line: line.get("request_id") == "flood-1")
    assert (line["message"], line["level"], line["logger"]) == ("request", "error", "core.http.middleware")
    told = {name: line[name] for name in ("http.request.method", "url.path", "http.response.status_code", "error.code")}
    assert told == {
        "http.request.method": "GET",
        "url.path": TASKS,
        "http.response.status_code": 503,
        "error.code": "overloaded",
    }


def test_its_path_is_as_any_others(flooded: UserClient, process: ApiProcess) -> None:
    response = ask(flooded, path="/api/v1/users/me/a%20b%C3%A4", headers={"X-Request-ID": "flood-2"})
    assert (response.status_code, response.json()["instance"]) == (503, "/api/v1/users/me/a%20b%C3%A4")
    assert process.find(lambda line: line.get("request_id") == "flood-2")["url.path"] == "/api/v1/users/me/a bä"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/health/live", {}, 200),
        ("GET", "/health/ready", {}, 200),
        ("GET", "/nothing", {}, 404),
        ("POST", TASKS, {"json": {"title": "x"}}, 401),
        ("GET", TASKS, {"headers": {"Origin": "https://app.example.com"}}, 401),
    ],
)
def test_what_is_not_simple_is_looked_at(
    flooded: UserClient, method: str, path: str, sent: dict[str, object], status: int
) -> None:
    """Health; a body, which has to be read; a browser, which needs the headers of CORS."""
    assert [ask(flooded).status_code, ask(flooded, method, path, **sent).status_code] == [503, status]
    assert ask(flooded).status_code == 503


def test_who_does_not_wait_is_read_later_and_others_are_not_kept(flooded: UserClient, process: ApiProcess) -> None:
    with connect(process.port) as hasty:
        request = f"GET {TASKS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        hasty.send(request)
        first = hasty.response()
        started = time.monotonic()
        hasty.send(request)
        with connect(process.port) as other:
            other.send(request)
            assert other.response() is not None
        assert time.monotonic() - started < FLOOD_PAUSE_SECONDS / 2
        second = hasty.response()
        waited = time.monotonic() - started
    assert first is not None
    assert second is not None
    assert (first.status, waited > FLOOD_PAUSE_SECONDS * 0.8) == (503, True)


def test_requests_in_one_piece_get_their_responses_in_turn(flooded: UserClient, process: ApiProcess) -> None:
    """A HEAD among them, whose response has no content, is looked at."""
    with connect(process.port) as pipelined:
        request = "{} " + TASKS + " HTTP/1.1\r\nHost: x\r\nX-Request-ID: piece-{}\r\n\r\n"
        pipelined.send("".join(request.format("GET", number) for number in range(3)).encode())
        responses = [pipelined.response() for _ in range(3)]
    assert [response and (response.status, response.header("x-request-id")) for response in responses] == [
        (503, f"piece-{number}") for number in range(3)
    ]
    assert ask(flooded, "HEAD").status_code == 401


@pytest.mark.parametrize("offer", OFFERS)
def test_the_client_may_end_the_connection_with_its_request(
    flooded: UserClient, process: ApiProcess, offer: str
) -> None:
    """What follows is not read, be it for the API or not."""
    with connect(process.port) as last:
        request = f"GET {TASKS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: last\r\n\r\n".encode()
        for path in (b"/health/live", TASKS.encode()):
            request += b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nX-Request-ID: behind\r\n\r\n"
        last.send(offering(offer, request))
        (response,) = last.responses()
    assert (response.status, response.header("connection")) == (503, "close")
    process.find(lambda line: line.get("request_id") == "last")
    assert ask(flooded, path="/health/live", headers={"X-Request-ID": "later"}).status_code == 200
    process.find(lambda line: line.get("request_id") == "later")
    assert not [line for line in process.lines if line.get("request_id") == "behind"]


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_switch_protocols_changes_no_rejection(
    flooded: UserClient, process: ApiProcess, offer: str
) -> None:
    """The one with a body is looked at, and read to its end; a connection is told how long it is kept."""
    get = f"GET {TASKS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    post = f"POST {TASKS} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with connect(process.port) as connection:
        connection.send(b"".join(offering(offer, one) for one in (get, get, post)))
        responses = [response for response in (connection.response() for _ in range(3)) if response]
    assert [response.status for response in responses] == [503, 503, 401]
    assert {(response.header("connection"), response.header("keep-alive")) for response in responses} == {
        ("keep-alive", "timeout=75")
    }


def test_one_that_hangs_up_when_rejected_leaves_nothing_behind(flooded: UserClient, process: ApiProcess) -> None:
    for _ in range(3):
        with connect(process.port) as gone:
            gone.send(f"GET {TASKS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert gone.response() is not None
    time.sleep(FLOOD_PAUSE_SECONDS * 1.2)
    assert not [line for line in process.lines if line["level"] == "error" and line["message"] != "request"]


def test_once_a_place_is_free_everybody_is_looked_at(user: UserClient, flooded: UserClient, own: TestDatabase) -> None:
    own.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'tasks'::regclass AND granted")
    poll(lambda: ask(user).status_code != 503)
    assert_problem(ask(user), 401, "missing_token")
