"""A page of Chromium, driven through its DevTools protocol: over two pipes, without a port and without a library."""

import itertools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.compatibility.tabs import PATIENCE

_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--ignore-certificate-errors")


class Page:
    """One tab. What its scripts and its policy complain of is in `complaints`."""

    def __init__(self, write: int, read: int) -> None:
        self._out, self._in = os.fdopen(write, "wb", buffering=0), os.fdopen(read, "rb", buffering=0)
        self._numbers, self._rest = itertools.count(1), b""
        self._session: str | None = None
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Goes there."""
        self._call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited. AssertionError where it throws."""
        done = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of an expression once it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"never: {script}"
            time.sleep(0.05)
        return value

    def close(self) -> None:
        """Gives the pipes back."""
        self._out.close()
        self._in.close()

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == number:
                assert "error" not in got, got
                return got["result"]
            self._note(got)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(event["params"]["exceptionDetails"].get("exception")))
        entry = event.get("params", {}).get("entry", {})
        if event.get("method") == "Log.entryAdded" and entry["source"] == "security":
            self.complaints.append(entry["text"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            self._rest += os.read(self._in.fileno(), 1 << 16) or b"\0"
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def opened(browser: str) -> Iterator[Page]:
    """A tab of a browser with a new profile."""
    (their_in, out), (back, their_out) = os.pipe(), os.pipe()
    # The browser reads 3 and writes 4.
    pipes = f'exec "$0" "$@" 3<&{their_in} 4>&{their_out}'
    with tempfile.TemporaryDirectory(prefix="todo-api-browser-", ignore_cleanup_errors=True) as profile:
        command = ["bash", "-c", pipes, browser, *_OPTIONS, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        running = subprocess.Popen(
            command, pass_fds=(their_in, their_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(their_in)
        os.close(their_out)
        page = Page(out, back)
        try:
            yield page
        finally:
            running.terminate()
            running.wait(PATIENCE)
            page.close()
