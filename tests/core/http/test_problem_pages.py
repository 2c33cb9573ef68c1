"""Where `type` of a problem leads: a page for everybody, also in production, that loads nothing and runs nothing."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import urljoin

import httpx
import pytest

from core.problem_advice import ADVICE
from core.problems import Problem
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem

PREFIX = "/todo"


@pytest.fixture(scope="module")
def production(
    start_lasting_server: Callable[..., RunningServer], make_database: Callable[[], TestDatabase]
) -> Iterator[httpx.Client]:
    server = start_lasting_server(app_env="production", root_path=PREFIX, database_url=make_database().url)
    with UserClient(server.url) as client:
        yield client


def _text(page: httpx.Response) -> str:
    """What a reader sees, without the marks of code."""
    return " ".join(unescape(re.sub("<[^>]+>", "", page.text)).split())


@pytest.mark.parametrize("problem", Problem, ids=lambda one: one.code)
def test_each_problem_has_a_page_that_says_what_to_do(production: httpx.Client, problem: Problem) -> None:
    page = production.get(f"/problems/{problem.code}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = _text(page)
    for sentence in (problem.title, f"{problem.code}, status {problem.status}", *ADVICE[problem]):
        assert sentence.replace("`", "") in text


def test_all_problems_are_listed_and_lead_to_their_pages(production: httpx.Client) -> None:
    index = production.get("/problems")
    assert index.status_code == 200
    # As a browser sees it that found the page below the prefix.
    found = [urljoin(f"{PREFIX}/problems", link) for link in re.findall('href="([^"]+)"', index.text)]
    assert found == [f"{PREFIX}/problems/{problem.code}" for problem in ADVICE]
    (back,) = re.findall('href="([^"]+)"', production.get("/problems/not_found").text)
    assert urljoin(f"{PREFIX}/problems/not_found", back) == f"{PREFIX}/problems"


def test_a_page_loads_nothing_and_runs_nothing(production: httpx.Client) -> None:
    for path in ("/problems", "/problems/not_found"):
        page = production.get(path)
        assert re.findall(r"<(?:script|link|img|iframe)|\son\w+=|url\(|https?:", page.text) == []
        (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = page.headers["content-security-policy"]
        assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
        assert "color-scheme: light dark" in style


def test_the_type_of_a_problem_is_where_its_page_is(production: httpx.Client, api: httpx.Client) -> None:
    for client, prefix in ((production, PREFIX), (api, "")):
        for path in ("/nothing", "/api/v1/users/somebody/tasks"):
            problem = client.get(path).json()
            assert problem["type"] == f"{prefix}/problems/{problem['code']}"
            assert problem["title"] in client.get(problem["type"].removeprefix(prefix)).text


@pytest.mark.parametrize("code", ["request_header_fields_too_large", "im_a_teapot", "status_499"])
def test_what_is_no_more_than_a_status_has_a_page_too(api: httpx.Client, code: str) -> None:
    assert f"<code>{code}</code>, status 4" in api.get(f"/problems/{code}").text


@pytest.mark.parametrize("code", ["not_fuond", "<script>", "NOT_FOUND", "not_found/"])
def test_what_is_no_code_has_none(api: httpx.Client, code: str) -> None:
    assert_problem(api.get(f"/problems/{code}"), 404, "not_found", detail="There is no such path.")


def test_a_page_is_read_and_nothing_else(api: httpx.Client) -> None:
    assert api.head("/problems/conflict").status_code == 200
    response = api.post("/problems/conflict")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
