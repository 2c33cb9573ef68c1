"""With AUTH_COOKIES the refresh token is in a cookie that no script can read, and nowhere else."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, assert_problem
from tests.contract.document_rules import breaches
from tests.core.api_process import ApiProcess
from tests.modules.auth.accounts import AUTH, ME, PASSWORD, bearer, new_email
from tests.modules.auth.pages import APP, COOKIE, OVER, SET, Page

ACCESS = {"access_token", "token_type", "expires_in"}


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "slow"])
def server(request: pytest.FixtureRequest, start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server whose pages are of one origin."""
    return start_server(auth_cookies=True, cors_origins=(APP,), fast_path=request.param)


@pytest.fixture
def page(server: RunningServer) -> Page:
    """A page that nobody has signed in on."""
    return Page(server.url)


def _assert_signed_in(page: Page, response: httpx.Response, fields: set[str]) -> None:
    assert set(response.json()) == fields
    assert SET.fullmatch(response.headers["set-cookie"])
    assert response.headers["cache-control"] == "no-store"
    assert page.token is not None
    assert page.token not in response.text
    assert httpx.get(page.url + ME, headers=bearer(response.json())).status_code == 200


def test_no_body_holds_the_refresh_token(page: Page) -> None:
    made = page.post("sign-up", email=new_email(), password=PASSWORD, name="Ann")
    assert made.status_code == 201
    _assert_signed_in(page, made, ACCESS | {"user"})
    user = made.json()["user"]
    assert (user["name"], set(user)) == ("Ann", {"id", "email", "name", "created_at", "updated_at"})
    signed_in = page.post("sign-in", email=user["email"], password=PASSWORD)
    assert signed_in.status_code == 200
    _assert_signed_in(page, signed_in, ACCESS)
    before = page.token
    refreshed = page.post("refresh")
    assert refreshed.status_code == 200
    _assert_signed_in(page, refreshed, ACCESS)
    assert page.token != before


def test_signing_out_ends_the_session_and_the_cookie(page: Page) -> None:
    page.sign_up()
    for _ in range(2):
        response = page.post("sign-out")
        assert (response.status_code, response.content) == (204, b"")
        assert re.fullmatch(OVER, response.headers["set-cookie"])
        assert "content-length" not in response.headers
    assert_problem(page.post("refresh"), 401, "invalid_refresh_token")


def test_without_a_good_cookie_there_is_no_session(page: Page) -> None:
    """A token in the body is none, and what is wrong sets no cookie."""
    email = page.sign_up()
    token = page.token
    assert token is not None
    for given in (None, "", "nonsense", "A" * 200, "x" * 4000, token[:-1]):
        page.token = given
        response = page.post("refresh", refresh_token=token)
        assert_problem(response, 401, "invalid_refresh_token")
        assert "set-cookie" not in response.headers
    wrong = page.post("sign-in", email=email, password="a wrong pass phrase")
    assert_problem(wrong, 401, "invalid_credentials")
    assert "set-cookie" not in wrong.headers
    page.token = token
    assert page.post("refresh").status_code == 200


def test_tabs_that_refresh_at_once_leave_one_cookie(page: Page) -> None:
    """Whichever response comes last, the browser keeps a token that is good."""
    page.sign_up()
    tabs = [Page(page.url) for _ in range(4)]
    for tab in tabs:
        tab.token = page.token
    with ThreadPoolExecutor(len(tabs)) as threads:
        assert [response.status_code for response in threads.map(lambda tab: tab.post("refresh"), tabs)] == [200] * 4
    assert len({tab.token for tab in tabs}) == 1


def test_a_password_is_changed_by_the_access_token_alone(page: Page) -> None:
    """The cookie gives nobody a way to it, and the own session goes on."""
    email = page.sign_up()
    tokens = page.post("sign-in", email=email, password=PASSWORD).json()
    change = {"current_password": PASSWORD, "new_password": "staple battery horse"}
    assert_problem(page.post("change-password", {}, **change), 401, "missing_token")
    assert page.post("change-password", bearer(tokens), **change).status_code == 204
    assert page.post("refresh").status_code == 200


def test_the_document_says_what_travels_where(server: RunningServer, api: httpx.Client) -> None:
    document = httpx.get(f"{server.url}/openapi.json").json()
    other = "security that is not the bearer token"
    assert breaches(document) == [f"refreshTokens: {other}", f"signOut: {other}"]
    schemas = document["components"]["schemas"]
    assert [name for name, one in schemas.items() if "refresh_token" in one.get("properties", {})] == []
    assert set(api.get("/openapi.json").json()["paths"]) == set(document["paths"])
    scheme = {"type": "apiKey", "in": "cookie", "name": COOKIE}
    assert document["components"]["securitySchemes"]["refresh_token_cookie"] == scheme
    for operation, status, schema, takes in (
        ("sign-up", "201", "SignedUpByPage", "SignUp"),
        ("sign-in", "200", "AccessToken", "SignIn"),
        ("refresh", "200", "AccessToken", None),
        ("sign-out", "204", None, None),
    ):
        spec = document["paths"][f"{AUTH}/{operation}"]["post"]
        found = spec["responses"][status]
        assert set(found["headers"]) == {"Set-Cookie", "X-Request-ID"}
        assert found.get("content") == (schema and {"application/json": {"schema": {"$ref": _ref(schema)}}})
        body = spec.get("requestBody", {}).get("content")
        assert body == (takes and {"application/json": {"schema": {"$ref": _ref(takes)}}})
        assert spec.get("security") == ([] if takes else [{"refresh_token_cookie": []}])
        assert "The origin is not allowed" in spec["responses"]["403"]["description"]
    assert set(schemas["SignedUpByPage"]["properties"]) == ACCESS | {"user"}
    assert set(schemas["AccessToken"]["properties"]) == ACCESS


def _ref(schema: str) -> str:
    return f"#/components/schemas/{schema}"


@pytest.fixture(scope="module")
def process(database: TestDatabase) -> Iterator[ApiProcess]:
    """The program, as production runs it."""
    with ApiProcess(database.proxied_url, AUTH_COOKIES="true", CORS_ORIGINS=APP, LOG_LEVEL="DEBUG") as running:
        yield running


def test_the_log_never_shows_a_token(process: ApiProcess) -> None:
    page = Page(process.url)
    page.sign_up()
    tokens = [page.token]
    for origin in (APP, "https://evil.example"):
        page.origin = origin
        page.post("refresh")
        page.post("sign-out")
        tokens.append(page.token)
    sentinel = page.post("refresh", origin="none").headers["x-request-id"]
    process.find(lambda line: line.get("request_id") == sentinel)
    reasons = [line.get("error.reason") for line in process.lines if line["message"] == "request rejected"]
    assert "origin_not_allowed" in reasons
    assert [token for token in tokens if str(token) in str(process.lines)] == []
    assert COOKIE not in str(process.lines)
