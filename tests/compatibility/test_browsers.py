"""AUTH_COOKIES in a real browser: two tabs, and what the browser itself makes of the cookie and of the origins."""

from collections.abc import Callable, Iterator

import pytest

from tests.compatibility.tabs import Pages, Tab, serve_pages
from tests.conftest import RunningServer, TestDatabase
from tests.modules.auth.accounts import AUTH, ME, PASSWORD, new_email

HOUR_LATER = (
    "UPDATE local_sessions SET expires_at = expires_at - interval '1 hour',"
    " rotated_at = ARRAY(SELECT used - interval '1 hour' FROM unnest(rotated_at) used ORDER BY used DESC)"
)


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    """The server of the page."""
    with serve_pages() as serving:
        yield serving


@pytest.fixture(scope="module")
def api_url(start_server: Callable[..., RunningServer], pages: Pages) -> str:
    """The API, on the host of its pages and another port."""
    server = start_server(auth_cookies=True, cors_origins=(pages.localhost,))
    return server.url.replace("127.0.0.1", "localhost")


def _refresh_both(tabs: list[Tab], url: str) -> None:
    """Both at once; each has an access token that is good, and no script sees the refresh token."""
    for tab in tabs:
        tab.tell(f"{url}{AUTH}/refresh")
    results = [tab.result() for tab in tabs]
    assert [result.get("status") for result in results] == [200] * len(tabs), results
    for tab, result in zip(tabs, results, strict=True):
        assert set(result["body"]) == {"access_token", "token_type", "expires_in"}
        assert result["cookies"] == ""
        assert tab.do(url + ME, token=result["body"]["access_token"])["status"] == 200


def test_two_tabs_of_chromium_stay_signed_in(chromium: str, pages: Pages, api_url: str, database: TestDatabase) -> None:
    """At http://localhost, whose Secure cookies with the __Host- prefix Chromium takes."""
    with pages.opened(chromium, [pages.localhost] * 2) as tabs:
        account = {"email": new_email(), "password": PASSWORD}
        assert tabs[0].do(f"{api_url}{AUTH}/sign-up", **account)["status"] == 201
        for _ in range(5):
            _refresh_both(tabs, api_url)
            database.query(HOUR_LATER)
        assert tabs[1].do(f"{api_url}{AUTH}/sign-out")["status"] == 204
        assert tabs[0].do(f"{api_url}{AUTH}/refresh")["status"] == 401


def test_a_page_of_another_origin_gets_nothing_in_chromium(chromium: str, pages: Pages, api_url: str) -> None:
    """Nor ends it the session of the browser that it is opened in."""
    with pages.opened(chromium, [pages.localhost, pages.address]) as (ours, theirs):
        account = {"email": new_email(), "password": PASSWORD}
        assert ours.do(f"{api_url}{AUTH}/sign-up", **account)["status"] == 201
        for operation in ("refresh", "sign-out"):
            assert theirs.do(f"{api_url}{AUTH}/{operation}")["error"] == "TypeError"
        assert ours.do(f"{api_url}{AUTH}/refresh")["status"] == 200
