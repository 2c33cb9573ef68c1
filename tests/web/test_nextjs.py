"""examples/nextjs, built and used: a server component reads, a server action writes, the browser calls the API."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.better_auth.servers import install
from tests.clients.snippets import snippets
from tests.compatibility import instrumented
from tests.conftest import TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.ports import free_port
from tests.waiting import poll
from tests.web import next_server
from tests.web.browser import Driver, Remote
from tests.web.next_server import EXAMPLE
from tests.web.tracing import spans
from tests.web.tracing.spans import Collector, Span
from tests.web.visitor import PASSWORD, button, until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def page_url(
    driver: Driver, database: TestDatabase, database_of_its_own: Callable[[], str]
) -> Iterator[tuple[str, ApiProcess]]:
    """Where Next is, with the API behind it."""
    install(EXAMPLE)
    url = f"http://127.0.0.1:{free_port()}"
    with ApiProcess(database.proxied_url, BETTER_AUTH_URL=url, AUTH_LOCAL_ACCOUNTS="false") as api:
        environment = next_server.environment(url, api.url, database_of_its_own())
        next_server.build(environment)
        with next_server.started(environment):
            yield url, api


@pytest.fixture
def traced(
    page_url: tuple[str, ApiProcess],
    opentelemetry: Path,
    database: TestDatabase,
    database_of_its_own: Callable[[], str],
    tmp_path: Path,
) -> Iterator[tuple[str, Collector]]:
    """Where another Next is, which is built by then, with the API behind it; both send their spans to the collector."""
    url = f"http://127.0.0.1:{free_port()}"
    settings = {"BETTER_AUTH_URL": url, "AUTH_LOCAL_ACCOUNTS": "false"}
    with spans.collecting(opentelemetry / "python", tmp_path) as collector:
        variables = collector.variables("todo-api") | settings
        with ApiProcess(database.proxied_url, program=instrumented.program(opentelemetry), **variables) as api:
            environment = next_server.environment(url, api.url, database_of_its_own())
            with next_server.started(environment | collector.variables("web") | spans.FOR_NODE):
                yield url, collector


def _enter(driver: Driver, url: str, **options: Any) -> Remote:
    """Somebody who has just made an account."""
    page: Remote = driver.new_context(baseURL=url, **options).newPage()
    page.goto("/")
    _sign_up(page)
    return page


def _sign_up(page: Remote) -> None:
    page.getByLabel("Name").fill("Ada")
    page.getByLabel("E-mail").fill(f"{os.urandom(8).hex()}@example.com")
    page.getByLabel("Password").fill(PASSWORD)
    button(page, "Enter").click()
    page.getByRole("heading", {"name": "Tasks of Ada"}).waitFor()


def _add(page: Remote, title: str) -> None:
    page.getByLabel("What is to be done?").fill(title)
    button(page, "Add").click()
    page.getByRole("checkbox", {"name": title}).waitFor()


def _requests(api: ApiProcess) -> list[str]:
    found = [line for line in api.lines if line["message"] == "request" and "/tasks" in line["url.path"]]
    return [f"{line['http.request.method']} {line['http.response.status_code']}" for line in found]


def test_server_and_browser_write_to_one_list(driver: Driver, page_url: tuple[str, ApiProcess]) -> None:
    """The server reads and adds, the browser ticks: with the tag of what is shown, and without a preflight."""
    url, api = page_url
    page = _enter(driver, url)
    _add(page, "Water the plants")
    _add(page, "Feed the cat")
    box = page.getByRole("checkbox", {"name": "Water the plants"})
    for is_checked in (True, False, True):
        box.click()
        until(box.isChecked, is_checked)
    page.reload()
    assert box.isChecked()
    assert not page.getByRole("checkbox", {"name": "Feed the cat"}).isChecked()
    sent = _requests(api)
    assert [one for one in sent if not one.startswith("GET")] == ["POST 201"] * 2 + ["PATCH 200"] * 3
    assert not any(one.startswith("OPTIONS") for one in sent)
    assert page.tell("violations") == []


def test_two_tabs_of_it(driver: Driver, page_url: tuple[str, ApiProcess]) -> None:
    """Who was slower sees what the other has done, and overwrites nothing."""
    url, api = page_url
    page = _enter(driver, url)
    _add(page, "Water the plants")
    other: Remote = page.context().newPage()
    other.goto(url)
    box, other_box = (one.getByRole("checkbox", {"name": "Water the plants"}) for one in (page, other))
    other_box.click()
    until(other_box.isChecked, True)
    box.click()
    until(lambda: _requests(api)[-2:], ["PATCH 412", "GET 200"])
    until(box.isChecked, True)


def test_who_comes_next_in_the_same_tab_ticks_their_own(driver: Driver, page_url: tuple[str, ApiProcess]) -> None:
    """Signing out and in does not load the page anew."""
    page = _enter(driver, page_url[0])
    for title in ("Water the plants", "Feed the cat"):
        _add(page, title)
        box = page.getByRole("checkbox", {"name": title})
        box.click()
        until(box.isChecked, True)
        if title == "Water the plants":
            button(page, "Sign out").click()
            button(page, "Enter").waitFor()
            _sign_up(page)
    page.reload()
    assert box.isChecked()


def test_what_the_document_says_of_it() -> None:
    (rewrite,) = snippets(project_root() / "docs" / "frontend.md", "typescript")
    assert rewrite in (EXAMPLE / "next.config.ts").read_text(encoding="utf-8")


def test_it_works_without_script(driver: Driver, page_url: tuple[str, ApiProcess]) -> None:
    """Forms are forms."""
    page = _enter(driver, page_url[0], javaScriptEnabled=False)
    _add(page, "Water the plants")
    button(page, "Sign out").click()
    button(page, "Enter").waitFor()


def _whole_way(collector: Collector) -> list[Span] | None:
    """From what the browser has sent to the API's span of the write, once all of that has come."""
    trace = collector.spans(TRACE)
    found = [one for one in trace if one["name"] == "POST /api/v1/users/{user_id}/tasks"]
    ways = [spans.way(one, trace) for one in found]
    return next((way for way in ways if way[0]["parent_span_id"] == PARENT), None)


def test_one_trace_from_the_browser_to_the_statement(driver: Driver, traced: tuple[str, Collector]) -> None:
    """By what OpenTelemetry's documents say for Node and for Python, and nothing in the example or the API."""
    url, collector = traced
    page = _enter(driver, url)
    page.setExtraHTTPHeaders({"traceparent": f"00-{TRACE}-{PARENT}-01"})
    _add(page, "Philodendron")
    # What ended before the first of these did has come before it: each service sends its spans in that order.
    first, *between, api = way = poll(lambda: _whole_way(collector))
    assert [one["service"] for one in way] == ["web"] * (len(way) - 1) + ["todo-api"]
    assert [one["kind"] for one in (first, between[-1], api)] == [
        f"SPAN_KIND_{it}" for it in ("SERVER", "CLIENT", "SERVER")
    ]
    trace = collector.spans(TRACE)
    auth = [one for one in trace if one["scope"] == "better-auth" and spans.way(one, trace)[0] == first]
    assert {"GET /token", "db findOne session"} <= {one["name"] for one in auth}
    statements = [one for one in trace if one["scope"] == "todo-api" and one["parent_span_id"] == api["span_id"]]
    assert "modules.tasks.repository.Task.create" in {one["name"] for one in statements}
    printed = spans.drawn(trace, [*way, *auth, *statements])
    print(printed)  # noqa: T201
    (example,) = snippets(project_root() / "docs" / "reliability.md", "text")
    lines = iter(re.sub(r"(?<=127\.0\.0\.1:)\d+", "8000", printed).splitlines())
    assert [one for one in example.splitlines() if one not in lines] == []  # in that order
    session = page.evaluate("fetch('/api/auth/get-session').then((response) => response.json())")
    # Words that look the same in a URL; each token for the API begins with the last one.
    name, _ = session["user"]["email"].split("@")
    secrets = [name, session["session"]["token"], PASSWORD, "Philodendron", "eyJ"]
    assert [one for one in secrets if one in collector.text] == []
