"""The documentation works without the internet, and is there only where it is wanted."""

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from main import TITLE
from tests.conftest import RunningServer, TestDatabase, assert_problem

PAGES = ["/docs", "/openapi.json", "/swagger/swagger-ui-bundle.js", "/swagger/swagger-ui.css"]


def test_every_address_in_the_page_is_local_and_served(api: httpx.Client, api_server: RunningServer) -> None:
    page = api.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    found = {match[1] for match in re.finditer(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page.text)}
    addresses = {urljoin(f"{api_server.url}/docs", one) for one in found}
    assert {urlsplit(one).path for one in addresses} >= {*PAGES[1:], "/swagger/favicon-32x32.png"}
    for address in addresses:
        assert address.startswith(api_server.url)
        served = api.get(address)
        assert served.status_code == 200
        assert served.content
    assert set(re.findall(r"https?://[^\s\"'<)]+", page.text)) <= addresses


def test_the_assets_load_nothing_from_elsewhere(api: httpx.Client) -> None:
    style = api.get("/swagger/swagger-ui.css").text
    assert re.findall(r"(?:@import|url\()\s*['\"]?(?:\w+:)?//", style) == []
    assert api.get("/swagger/swagger-ui.css").headers["content-type"].startswith("text/css")
    assert "javascript" in api.get("/swagger/swagger-ui-bundle.js").headers["content-type"]


def test_the_document_is_the_one_of_this_api(api: httpx.Client) -> None:
    document = api.get("/openapi.json")
    assert document.headers["content-type"] == "application/json"
    assert document.json()["info"]["title"] == TITLE
    assert f"<title>{TITLE}</title>" in api.get("/docs").text
    assert "/api/v1/users/{user_id}/tasks" in document.json()["paths"]
    assert not [path for path in document.json()["paths"] if path in PAGES]


@pytest.mark.parametrize(
    ("settings", "served"),
    [
        ({"app_env": "production"}, False),
        ({"docs": False}, False),
        ({"app_env": "production", "docs": True}, True),
    ],
)
def test_the_pages_are_there_only_where_they_are_wanted(
    start_server: Callable[..., RunningServer], database: TestDatabase, settings: dict[str, object], served: bool
) -> None:
    server = start_server(**{"database_url": database.proxied_url, **settings})
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for path in PAGES:
            response = client.get(path)
            if served:
                assert response.status_code == 200
            else:
                assert_problem(response, 404, "not_found", detail="There is no such path.")
        assert client.get("/health/live").status_code == 200


def test_no_other_page_of_documentation_is_served(api: httpx.Client) -> None:
    for path in ("/redoc", "/docs/oauth2-redirect", "/", "/swagger", "/swagger/../main.py", "/swagger/%2e%2e/main.py"):
        response = api.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
