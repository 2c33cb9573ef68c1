"""examples/nextjs, built and used: a server component reads, a server action writes, the browser calls the API."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.better_auth.servers import install
from tests.clients.snippets import snippets
from tests.conftest import SECRET, TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.web.browser import Driver, Remote
from tests.web.site import quiet_port
from tests.web.visitor import PASSWORD, button, until

EXAMPLE = project_root() / "examples" / "nextjs"
NEXT = ["node", "node_modules/next/dist/bin/next", "start", "--hostname", "127.0.0.1", "--port"]


@contextmanager
def _started(url: str, environment: dict[str, str]) -> Iterator[None]:
    port = url.rsplit(":", maxsplit=1)[-1]
    with subprocess.Popen([*NEXT, port], cwd=EXAMPLE, env=environment, stdout=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    if httpx.get(f"{url}/api/auth/ok", trust_env=False).status_code == 200:
                        break
                except httpx.TransportError:
                    assert running.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield
        finally:
            running.terminate()


@pytest.fixture(scope="module")
def page_url(
    driver: Driver, database: TestDatabase, database_of_its_own: Callable[[], str]
) -> Iterator[tuple[str, ApiProcess]]:
    """Where Next is, with the API behind it."""
    install(EXAMPLE)
    url = f"http://127.0.0.1:{quiet_port()}"
    with ApiProcess(database.proxied_url, BETTER_AUTH_URL=url, AUTH_LOCAL_ACCOUNTS="false") as api:
        environment = {
            **os.environ,
            "API_URL": api.url,
            "BETTER_AUTH_URL": url,
            "BETTER_AUTH_SECRET": SECRET,
            "BETTER_AUTH_TELEMETRY": "0",
            "DATABASE_URL": database_of_its_own(),
            "NEXT_TELEMETRY_DISABLED": "1",
        }
        build = ["npm", "run", "build"]
        done = subprocess.run(build, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        with _started(url, environment):
            yield url, api


def _enter(driver: Driver, url: str, **options: Any) -> Remote:
    """Somebody who has just made an account."""
    page: Remote = driver.new_context(baseURL=url, **options).newPage()
    page.goto("/")
    page.getByLabel("Name").fill("Ada")
    page.getByLabel("E-mail").fill(f"{os.urandom(8).hex()}@example.com")
    page.getByLabel("Password").fill(PASSWORD)
    button(page, "Enter").click()
    page.getByRole("heading", {"name": "Tasks of Ada"}).waitFor()
    return page


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


def test_what_the_document_says_of_it() -> None:
    (rewrite,) = snippets(project_root() / "docs" / "frontend.md", "typescript")
    assert rewrite in (EXAMPLE / "next.config.ts").read_text(encoding="utf-8")


def test_it_works_without_script(driver: Driver, page_url: tuple[str, ApiProcess]) -> None:
    """Forms are forms."""
    page = _enter(driver, page_url[0], javaScriptEnabled=False)
    _add(page, "Water the plants")
    button(page, "Sign out").click()
    button(page, "Enter").waitFor()
