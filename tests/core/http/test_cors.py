"""Browsers of the listed origins may call and read what they need; no other origin may."""

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest

from core.http.routers import public_router
from tests.conftest import RunningServer, TestDatabase, assert_problem, make_token
from tests.core.http.extended_app import extended_app

APP, LOCAL = "https://app.example.com", "http://localhost:3000"
ON_A_DEVICE = ("capacitor://localhost", "tauri://localhost")
PREVIEW, OTHER_PREVIEW = "https://todo-*.preview.example", "http://*.dev.example.com:3000"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "PATCH"}
# As the browser libraries of Sentry, Datadog and OpenTelemetry put them on each request, and what a page may invent.
TRACING = (
    *("sentry-trace", "baggage", "traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"),
    *("x-datadog-origin", "x-datadog-parent-id", "x-datadog-sampling-priority", "x-datadog-trace-id"),
    *("authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id", "x-of-our-own"),
)


@pytest.fixture(scope="module")
def listed_server(start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server that lists origins of pages and of applications on a device, and patterns."""
    return start_server(cors_origins=(APP, LOCAL, *ON_A_DEVICE, PREVIEW, OTHER_PREVIEW))


@pytest.fixture
def browser(listed_server: RunningServer) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=listed_server.url, timeout=20) as client:
        yield client


def _list(value: str) -> set[str]:
    return {part.strip().lower() for part in value.split(",")}


@pytest.mark.parametrize(
    "origin",
    [
        *(APP, LOCAL, *ON_A_DEVICE),
        *("https://todo-1.preview.example", "https://todo-git-main-team.preview.example"),
        *("http://a.dev.example.com:3000", "http://0--9.dev.example.com:3000"),
    ],
)
def test_a_listed_origin_may_read_responses_and_the_headers_it_needs(browser: httpx.Client, origin: str) -> None:
    token = {"Authorization": f"Bearer {make_token('browser')}"}
    for path, status in (("/health/live", 200), ("/nothing", 404), ("/api/v1/users/me", 401), ("/api/v1/users/x", 403)):
        headers = {"Origin": origin, **(token if status == 403 else {})}
        response = browser.get(path, headers=headers)
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == origin
        assert "Origin" in response.headers["vary"]
        exposed = _list(response.headers["access-control-expose-headers"])
        assert exposed >= {"location", "retry-after", "www-authenticate", "x-request-id"}
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_of_a_listed_origin_needs_no_token(browser: httpx.Client, method: str) -> None:
    asked = {
        "Origin": APP,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(TRACING),
    }
    response = browser.options("/api/v1/users/me/tasks", headers=asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == APP
    assert _list(response.headers["access-control-allow-methods"]) == {
        *("get", "head", "post", "put", "patch", "delete")
    }
    assert _list(response.headers["access-control-allow-headers"]) == set(TRACING)
    assert response.headers["access-control-max-age"] == "7200"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://APP.example.com",
        "https://sub.app.example.com",
        "https://app.example.com/",
        "null",
        "*",
        "",
        "https://localhost",
        "capacitor://localhost:3000",
        "capacitor://evil",
        PREVIEW,
        "https://todo-.preview.example",
        "https://todo-a.b.preview.example",
        "https://todo-A.preview.example",
        "https://todo-a_b.preview.example",
        "https://todo-a.preview.example:8443",
        "https://todo-a.preview.example.evil.example",
        "https://evil.example/?https://todo-a.preview.example",
        "https://todo-a-preview.example",
        "http://todo-a.preview.example",
        "http://dev.example.com:3000",
        "http://.dev.example.com:3000",
        "http://a.dev.example.com",
        "http://a.devXexample.com:3000",
    ],
)
def test_an_origin_that_is_not_listed_may_read_nothing(browser: httpx.Client, origin: str) -> None:
    simple = browser.get("/health/live", headers={"Origin": origin})
    assert (simple.status_code, simple.json()) == (200, {"status": "ok"})
    preflight = browser.options("/api/v1/users/me/tasks", headers={**PREFLIGHT, "Origin": origin})
    detail = "Pages of this origin may not read responses: it is not in CORS_ORIGINS."
    assert_problem(preflight, 403, "origin_not_allowed", detail=detail)
    for response in (simple, preflight):
        assert "access-control-allow-origin" not in response.headers
        assert "access-control-allow-credentials" not in response.headers


def test_a_method_that_no_operation_has_is_rejected(browser: httpx.Client) -> None:
    for method in ("TRACE", "CONNECT", "QUERY"):
        asked = {**PREFLIGHT, "Access-Control-Request-Method": method}
        response = browser.options("/api/v1/users/me/tasks", headers=asked)
        detail = "No page may send such a request here: Disallowed CORS method."
        assert_problem(response, 400, "bad_request", detail=detail)
        assert method not in response.headers["access-control-allow-methods"]


def test_a_page_may_ask_what_a_path_takes(browser: httpx.Client) -> None:
    """An OPTIONS of its own is no preflight, which says what it is about."""
    response = browser.options("/health/live", headers={"Origin": APP})
    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert response.headers["access-control-allow-origin"] == APP


def test_a_page_that_traces_its_requests_is_served(browser: httpx.Client) -> None:
    token = {"Authorization": f"Bearer {make_token('traced')}"}
    headers = {**dict.fromkeys(TRACING, "1"), **token, "Content-Type": "application/json", "Origin": APP}
    del headers["authorization"], headers["content-type"], headers["if-match"], headers["if-none-match"]
    made = browser.post("/api/v1/users/me/tasks", headers=headers, json={"title": "Water the plants"})
    assert (made.status_code, made.headers["access-control-allow-origin"]) == (201, APP)
    exposed = _list(made.headers["access-control-expose-headers"])
    assert exposed == {
        *("etag", "idempotent-replayed", "link", "location", "retry-after", "www-authenticate", "x-request-id"),
    }


def test_a_rejection_of_what_is_too_large_may_be_read(browser: httpx.Client) -> None:
    """It comes from outside of the operations, as a bug's response does."""
    headers = {"Origin": APP, "Content-Type": "application/json"}
    response = browser.post("/api/v1/users/me/tasks", headers=headers, content=b" " * (1024 * 1024 + 1))
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (413, APP)
    preflight = browser.request("OPTIONS", "/health/live", headers=PREFLIGHT, content=b" " * (1024 * 1024 + 1))
    assert_problem(preflight, 413, "body_too_large", detail="A body has at most 1048576 bytes.")


def test_the_response_of_a_bug_may_be_read(database: TestDatabase) -> None:
    router = public_router("broken", "/broken")

    @router.get("")
    async def broken() -> None:
        raise RuntimeError

    async def ask() -> httpx.Response:
        async with extended_app(router, database=database, cors_origins=(APP,)) as client:
            return await client.get("/api/v1/broken", headers={"Origin": APP})

    response = asyncio.run(ask())
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (500, APP)
    assert "x-request-id" in _list(response.headers["access-control-expose-headers"])


def test_without_listed_origins_no_response_speaks_of_cors(api: httpx.Client) -> None:
    simple = api.get("/health/live", headers={"Origin": APP})
    preflight = api.options("/health/live", headers=PREFLIGHT)
    assert (simple.status_code, preflight.status_code) == (200, 403)
    for response in (simple, preflight):
        assert [name for name in response.headers if name.startswith("access-control-")] == []
