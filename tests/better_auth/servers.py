"""Real Better Auth servers from the npm registry, as processes that a test can stop and start again."""

import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import project_root
from tests.ports import free_port

# Should the tests be killed, their end of the pipe is closed, and no server is left behind.
END_WITH_US = "data:text/javascript,process.stdin.resume().on('end',()=>process.exit())"
EXAMPLE = project_root() / "examples" / "better-auth"


def install(folder: Path = EXAMPLE) -> None:
    """Has npm install what the package.json of a folder pins, or its lock. Skips the tests where that is impossible."""
    if shutil.which("npm") is None or _node_version() < 20:
        pytest.skip("Node.js 20 or newer with npm is needed")
    with (folder / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)  # two of npm in one folder take each other's files away
        _install(folder, json.load(package)["dependencies"])


def _install(folder: Path, wanted: dict[str, str]) -> None:
    manifests = [folder / "node_modules" / name / "package.json" for name in wanted]
    found = [json.loads(path.read_text())["version"] if path.exists() else None for path in manifests]
    if found == list(wanted.values()):
        return
    how = ["ci", "--omit=peer"] if (folder / "package-lock.json").exists() else ["install", "--no-package-lock"]
    command = ["npm", *how, "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        # In CI a registry that cannot be reached is a failure; at a desk without a network it is none.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"npm cannot install its packages here: {done.stderr}")


def _node_version() -> int:
    if shutil.which("node") is None:
        return 0
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(printed.removeprefix("v").split(".")[0])


def free_url() -> str:
    """An origin of the loopback, for one server."""
    return f"http://127.0.0.1:{free_port()}"


class BetterAuth:
    """One Node process. `urls` are the origins that it serves once it has started."""

    def __init__(self, script: Path, urls: list[str], **environment: str) -> None:
        self.urls = urls
        self._script = script
        own = {name: value for name, value in os.environ.items() if "AUTH" not in name}
        self._environment = {**own, "NODE_ENV": "development", "BETTER_AUTH_TELEMETRY": "0", **environment}
        self._log = script.with_name(f"{urls[0].rsplit(':')[-1]}.log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Starts it, with a changed environment if one is given, and waits until every origin responds."""
        self._environment |= environment
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                ["node", "--import", END_WITH_US, self._script.name],
                stdin=subprocess.PIPE,
                cwd=self._script.parent,
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        with httpx.Client() as client:
            until_up(self._process, lambda: all(_responds(client, url) for url in self.urls), self._log)

    def stop(self) -> None:
        """Ends the process as `kill -9` does: nobody listens from then on."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def until_up(running: subprocess.Popen[Any], is_up: Callable[[], bool], log: Path | None = None) -> None:
    """Waits for a program that was started, for a minute at most. Fails if it ends before; `log` is what it said."""
    deadline = time.monotonic() + 60
    while not is_up():
        assert running.poll() is None, log and log.read_text()
        assert time.monotonic() < deadline, f"{running.args!r} did not start in time"
        time.sleep(0.02)


def _responds(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code > 0
    except httpx.TransportError:
        return False


class Visitor(httpx.Client):
    """Somebody in a browser of their own, with an address and a password that no server knows yet."""

    def __init__(self, url: str, *, name: str = "Alice", base: str = "/api/auth") -> None:
        self._base = base
        super().__init__(base_url=url, headers={"Origin": url}, timeout=20)
        self.email = f"{os.urandom(8).hex()}@example.com"
        self.name = name
        self._password = "correct horse battery staple"

    def sign_up(self) -> httpx.Response:
        """Makes an account, and is signed in."""
        fields = {"email": self.email, "password": self._password, "name": self.name}
        return self.post(f"{self._base}/sign-up/email", json=fields)

    def sign_in(self, email: str) -> httpx.Response:
        """Signs in to an account that is there."""
        return self.post(f"{self._base}/sign-in/email", json={"email": email, "password": self._password})

    def token(self) -> str:
        """A token of the jwt plugin, fresh."""
        response = self.get(f"{self._base}/token")
        assert response.status_code == 200, response.text
        token: str = response.json()["token"]
        return token


class Person(Visitor):
    """Somebody who has signed up at a Better Auth server."""

    def __init__(self, url: str, *, name: str = "Alice", base: str = "/api/auth") -> None:
        super().__init__(url, name=name, base=base)
        self.signed_up = self.sign_up()
        assert self.signed_up.status_code == 200, self.signed_up.text
        self.id: str = self.signed_up.json()["user"]["id"]

    def text(self, path: str) -> str:
        """What a path of the tests' own responses."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.text
