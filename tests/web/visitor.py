"""Somebody in a browser of their own, and what people do on the page."""

import json
import os
from collections.abc import Callable
from typing import Any

import httpx

from tests.waiting import poll
from tests.web.browser import Driver, Remote
from tests.web.site import Site

PASSWORD = "a long pass phrase"
WRITE_HERE = "What is to be done?"


class Visitor:
    """One context of the browser; `page` is its first tab."""

    def __init__(self, driver: Driver, site: Site, name: str, **options: Any) -> None:
        self.name = name
        self.email = f"{os.urandom(8).hex()}@example.com"
        self.site = site
        # Without motion nothing is half way when it is looked at.
        settings = {"baseURL": site.url, "reducedMotion": "reduce", "locale": "en-GB", **options}
        self.context = driver.new_context(**settings)
        self.page = self.open()

    def open(self, path: str = "/") -> Remote:
        """One tab more."""
        page: Remote = self.context.newPage()
        page.goto(path)
        return page

    def sign_up(self) -> None:
        """Makes an account, from wherever the form is."""
        self.page.getByLabel("Name").fill(self.name)
        self._fill("Create account")
        button(self.page, self.name).waitFor()

    def sign_in(self, *, page: Remote | None = None) -> None:
        """Comes back."""
        button(page or self.page, "Sign in").click()
        self._fill("Sign in", page)
        button(page or self.page, self.name).waitFor()

    def _fill(self, name: str, page: Remote | None = None) -> None:
        page = page or self.page
        page.getByLabel("E-mail").fill(self.email)
        page.getByLabel("Password").fill(PASSWORD)
        button(page, name).click()

    def sign_out(self) -> None:
        """By the account's dialog."""
        button(self.page, self.name).click()
        button(self.page, "Sign out").click()
        button(self.page, "Create account").waitFor()

    def client(self) -> httpx.Client:
        """At the API, with a token of this session."""
        token = self.page.evaluate("fetch('/api/auth/token').then((r) => r.json()).then(({ token }) => token)")
        base = f"{self.site.api_url}/api/v1/users/me"
        return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False)

    def stored(self, **query: Any) -> list[str]:
        """The titles that the API has, the newest first."""
        with self.client() as client:
            return [task["title"] for task in client.get("/tasks", params={"limit": 100, **query}).json()["items"]]

    def requests(self) -> list[str]:
        """What was requested of the API and Better Auth since it was asked last, without the origin."""
        sent = [line.split(" ") for line in self.context.tell("requests")]
        paths = [f"{method} /{url.split('/', 3)[3]}" for method, url in sent]
        return [path for path in paths if " /api/" in path]


def button(page: Remote, name: str) -> Remote:
    """The button with that name."""
    found: Remote = page.getByRole("button", {"name": name, "exact": True})
    return found


def add(page: Remote, title: str) -> None:
    """As one types it."""
    page.getByLabel(WRITE_HERE).fill(title)
    page.getByLabel(WRITE_HERE).press("Enter")


def tick(page: Remote, title: str) -> None:
    """Completes it, or opens it again."""
    page.getByRole("checkbox", {"name": f"Completed: {title}", "exact": True}).click()


def edit(page: Remote, title: str, new: str) -> None:
    """In its place."""
    button(page, f"Edit: {title}").click()
    page.getByLabel("Title").fill(new)
    page.getByLabel("Title").press("Enter")


def titles(page: Remote) -> list[str]:
    """Those that are shown, from the top."""
    script = "JSON.stringify([...document.querySelectorAll('.task-title')].map((shown) => shown.lastChild.textContent))"
    found: list[str] = json.loads(page.evaluate(script))
    return found


def shows(page: Remote, *wanted: str) -> None:
    """Waits until those are shown: the page draws what somebody did in a later turn than the click's."""
    until(lambda: titles(page), list(wanted))


def until(attempt: Callable[[], Any], wanted: Any) -> None:
    """Waits for it; says what there was instead."""
    last: list[Any] = []

    def look() -> bool:
        last[:] = [attempt()]
        return bool(last[0] == wanted)

    try:
        poll(look)
    except AssertionError as error:
        raise AssertionError(f"there is {last[0]!r} in place of {wanted!r}") from error
