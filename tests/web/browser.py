"""Chromium, driven from here: what Playwright's objects can do, called by the same names."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# What gives another locator, and is not sent before something is done with it.
LOCATORS = {"getByRole", "getByLabel", "getByText", "getByPlaceholder", "locator", "filter", "first", "last", "nth"}
LOCATORS |= {"clock", "keyboard", "mouse"}


class BrowserError(AssertionError):
    """What Playwright says."""


class Driver:
    """The Node process that has the browser."""

    def __init__(self, chromium: str) -> None:
        self._process = subprocess.Popen(
            ["node", "driver.mjs"],
            cwd=HERE,
            env={**os.environ, "CHROMIUM": chromium},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, **what: Any) -> Any:
        """The result. Raises BrowserError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        if "error" in reply:
            raise BrowserError(reply["error"])
        return Remote(self, reply["handle"]) if "handle" in reply else reply["result"]

    def new_context(self, **options: Any) -> "Remote":
        """Somebody's browser: cookies and storage of its own."""
        found: Remote = self.call(name="newContext", args=[options])
        return found

    def close(self) -> None:
        """Ends the browser."""
        self._process.communicate(timeout=30)


class Remote:
    """An object of Playwright: `page.getByRole("button", {"name": "Add"}).click()`."""

    def __init__(self, driver: Driver, handle: int, steps: tuple[list[Any], ...] = ()) -> None:
        self._driver = driver
        self._handle = handle
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            steps = (*self._steps, [name, *args])
            if name in LOCATORS:
                return Remote(self._driver, self._handle, steps)
            return self._driver.call(on=self._handle, steps=steps)

        return call

    def tell(self, name: str, *args: Any) -> Any:
        """What the driver itself can do with the object: `requests`, `violations`."""
        return self._driver.call(on=self._handle, name=name, args=args)


@contextmanager
def started(chromium: str) -> Iterator[Driver]:
    """One browser with a new profile."""
    driver = Driver(chromium)
    try:
        yield driver
    finally:
        driver.close()
