"""ROOT_PATH: what tells a client where something is has the prefix, which the proxy takes away; no header has a say."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import httpx
import pytest

from core.config import ConfigurationError
from tests.conftest import RunningServer, UserClient, make_settings
from tests.core.raw_http import exchange

PREFIX = "/api"
CLAIMED = {"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil", "X-Forwarded-Host": "evil.example"}


@pytest.fixture(scope="module")
def user(start_lasting_server: Callable[..., RunningServer]) -> Iterator[UserClient]:
    """Of an API whose prefix is the beginning of its own paths: nothing is cut off twice."""
    server = start_lasting_server(root_path=f"{PREFIX}/", docs=True)
    with UserClient(server.url) as client:
        client.headers.update(CLAIMED)
        yield client


def test_a_new_row_is_where_clients_find_it(user: UserClient) -> None:
    made = user.post(user.tasks, json={"title": "Water the plants"})
    assert made.headers["location"] == f"{PREFIX}{user.tasks}/{made.json()['id']}"
    assert user.get(made.headers["location"].removeprefix(PREFIX)).status_code == 200


def test_the_next_page_is_where_clients_find_it(user: UserClient) -> None:
    for _ in range(2):
        user.create_task()
    link = user.get(user.tasks, params={"limit": 1}).headers["link"]
    assert link.startswith(f"<{PREFIX}{user.tasks}?limit=1&cursor=")


def test_a_problem_is_of_the_path_that_the_client_asked_for(user: UserClient) -> None:
    problem = user.get(f"{user.tasks}/nothing").json()
    assert problem["instance"] == f"{PREFIX}{user.tasks}/nothing"


def test_documentation_and_its_parts_are_below_the_prefix(user: UserClient) -> None:
    page = user.get("/docs").text
    parts = re.findall(r"""(?:src|href|url)(?:=|: )"([^"]+)\"""", page)
    # As a browser sees it that found the page below the prefix.
    found = {urljoin(f"{PREFIX}/docs", part) for part in parts}
    names = ("openapi.json", "swagger/swagger-ui-bundle.js", "swagger/swagger-ui.css", "swagger/favicon-32x32.png")
    assert found == {f"{PREFIX}/{name}" for name in names}
    assert "evil" not in page
    assert user.get("/openapi.json").json()["servers"] == [{"url": PREFIX}]


@pytest.mark.parametrize("path", ["todo", "/to do", "//todo", "/../x", "https://example.com", "/docs", "/a?b"])
def test_what_is_no_prefix_is_rejected(path: str) -> None:
    with pytest.raises(ConfigurationError, match="ROOT_PATH"):
        make_settings(root_path=path)


@pytest.mark.parametrize("path", ["/", "", "/todo/", "/a/b-c"])
def test_a_slash_at_the_end_makes_no_difference(path: str) -> None:
    assert make_settings(root_path=path).root_path == path.rstrip("/")


def test_without_it_nothing_is_in_front(api: httpx.Client) -> None:
    assert api.get("/nothing", headers=CLAIMED).json()["instance"] == "/nothing"


def test_what_is_no_http_gets_a_type_below_the_prefix_too(user: UserClient) -> None:
    assert user.base_url.port is not None
    (response,) = exchange(user.base_url.port, b"nonsense\r\n\r\n")
    assert response.json()["type"] == f"{PREFIX}/problems/bad_request"
