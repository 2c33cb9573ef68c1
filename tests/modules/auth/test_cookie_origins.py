"""Which pages may use the cookie: those of origins that are listed, and the API's own; and what browsers are told."""

from collections.abc import Callable

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, assert_problem
from tests.modules.auth.accounts import AUTH, PASSWORD, new_email
from tests.modules.auth.pages import APP, COOKIE, LOCAL, Page

OPERATIONS = ("sign-up", "sign-in", "refresh", "sign-out")
OTHERS = ("/api/v1/users/me/tasks", "/api/v1/users/me", f"{AUTH}/change-password", "/health/live", "/nothing")
# As a proxy that ends TLS sends it on.
HTTPS = {"Host": "api.example.com", "X-Forwarded-Proto": "https"}
CREDENTIALS = "access-control-allow-credentials"


@pytest.fixture(scope="module")
def server(start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server behind a trusted proxy on this machine."""
    return start_server(auth_cookies=True, cors_origins=(APP, LOCAL), trusted_proxies=("127.0.0.1",))


@pytest.fixture(scope="module")
def open_server(start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server that trusts no proxy and lists no origin."""
    return start_server(auth_cookies=True)


@pytest.mark.parametrize("origin", [APP, LOCAL])
def test_a_page_of_a_listed_origin_has_a_session(server: RunningServer, origin: str) -> None:
    page = Page(server.url, origin)
    page.sign_up()
    for operation, status in (("refresh", 200), ("sign-out", 204)):
        response = page.post(operation)
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == origin
        assert response.headers[CREDENTIALS] == "true"
        assert "Origin" in response.headers["vary"]


def test_a_page_of_the_apis_own_origin_has_a_session(server: RunningServer, open_server: RunningServer) -> None:
    for one in (server, open_server):
        for url in (one.url, one.url.replace("127.0.0.1", "localhost")):
            page = Page(url, url)
            page.sign_up()
            assert page.post("refresh").status_code == 200
    page = Page(server.url, "https://api.example.com")
    assert page.post("refresh", HTTPS).status_code == 401
    assert page.post("refresh", {**HTTPS, "Host": "API.example.com:443"}).status_code == 401


REJECTED: dict[str, tuple[str | None, dict[str, str]]] = {
    "absent": (None, {}),
    "empty": ("", {}),
    "null": ("null", {}),
    "star": ("*", {}),
    "foreign": ("https://evil.example", {}),
    "subdomain": ("https://x.app.example.com", {}),
    "suffix": ("https://app.example.com.evil.example", {}),
    "other port": ("https://app.example.com:8443", {}),
    "other scheme": ("http://app.example.com", {}),
    "letter case": ("https://APP.example.com", {}),
    "path": (f"{APP}/", {}),
    "two in one": (f"{APP}, https://evil.example", {}),
    "referer": (None, {"Referer": f"{APP}/"}),
    "own by http": ("http://api.example.com", {"Host": "api.example.com"}),
    "own by another scheme": ("https://api.example.com", {"Host": "api.example.com"}),
    "forwarded host": ("https://evil.example", {**HTTPS, "X-Forwarded-Host": "evil.example"}),
    "own behind http": ("http://api.example.com", {**HTTPS, "X-Forwarded-Proto": "http"}),
}


@pytest.mark.parametrize(("origin", "headers"), REJECTED.values(), ids=REJECTED)
def test_any_other_page_is_rejected_and_nothing_is_done(
    server: RunningServer, database: TestDatabase, origin: str | None, headers: dict[str, str]
) -> None:
    page = Page(server.url)
    email = page.sign_up()
    token = page.token
    page.origin = origin
    database.proxy.clear()
    for operation in OPERATIONS:
        body = {"email": email, "password": PASSWORD} if operation.startswith("sign-") else {}
        response = page.post(operation, headers, **body)
        detail = "The page must be of an origin in CORS_ORIGINS or of the API's own, and say so in `Origin`."
        assert_problem(response, 403, "origin_not_allowed", detail=detail)
        assert "set-cookie" not in response.headers
        assert "access-control-allow-origin" not in response.headers
    assert database.proxy.queries == []
    page.origin = APP
    assert page.token == token
    assert page.post("refresh").status_code == 200


def test_two_origins_are_none(server: RunningServer) -> None:
    headers = [("Origin", APP), ("Origin", APP)]
    assert_problem(httpx.post(f"{server.url}{AUTH}/refresh", headers=headers), 403, "origin_not_allowed")


def test_a_stranger_says_nothing_of_the_scheme(open_server: RunningServer) -> None:
    """Only TRUSTED_PROXIES do: without them the API knows of no TLS before it."""
    page = Page(open_server.url, "https://api.example.com")
    assert_problem(page.post("refresh", HTTPS), 403, "origin_not_allowed")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_preflight_for_a_cookie_is_granted_to_listed_origins(server: RunningServer, operation: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,traceparent"}
    with httpx.Client(base_url=server.url, trust_env=False) as browser:
        granted = browser.options(f"{AUTH}/{operation}", headers={**asked, "Origin": APP})
        assert granted.status_code == 200
        assert granted.headers["access-control-allow-origin"] == APP
        assert granted.headers[CREDENTIALS] == "true"
        assert granted.headers["access-control-allow-headers"] == "content-type,traceparent"
        denied = browser.options(f"{AUTH}/{operation}", headers={**asked, "Origin": "https://evil.example"})
        assert denied.status_code == 403
        assert "access-control-allow-origin" not in denied.headers


def test_credentials_are_allowed_where_there_are_cookies_and_nowhere_else(
    server: RunningServer, start_server: Callable[..., RunningServer]
) -> None:
    bodies = start_server(cors_origins=(APP, LOCAL))
    preflight = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    for url, paths in ((server.url, OTHERS), (bodies.url, (*OTHERS, *(f"{AUTH}/{one}" for one in OPERATIONS)))):
        with httpx.Client(base_url=url, trust_env=False) as browser:
            for path in paths:
                for response in (
                    browser.get(path, headers={"Origin": APP}),
                    browser.post(path, headers={"Origin": APP}, json={}),
                    browser.options(path, headers=preflight),
                ):
                    assert response.headers["access-control-allow-origin"] == APP
                    assert CREDENTIALS not in response.headers


def test_a_rejection_before_the_operation_may_be_read_too(server: RunningServer) -> None:
    headers = {"Origin": APP, "Content-Type": "application/json"}
    response = httpx.post(f"{server.url}{AUTH}/sign-in", headers=headers, content=b" " * (1024 * 1024 + 1))
    assert (response.status_code, response.headers[CREDENTIALS]) == (413, "true")


def test_a_cookie_is_taken_by_these_operations_alone(server: RunningServer) -> None:
    """It opens nothing else, so that nothing else has to look at origins."""
    page = Page(server.url)
    page.sign_up()
    response = httpx.get(f"{server.url}/api/v1/users/me", headers={"Cookie": f"{COOKIE}={page.token}", "Origin": APP})
    assert_problem(response, 401, "missing_token")


def test_without_cookies_no_origin_is_asked_for(api: httpx.Client) -> None:
    """Applications that are no pages send none, and keep their token themselves."""
    response = api.post(f"{AUTH}/sign-up", json={"email": new_email(), "password": PASSWORD})
    assert response.status_code == 201
    assert "set-cookie" not in response.headers
    assert "refresh_token" in response.json()
