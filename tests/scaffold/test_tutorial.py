"""docs/tutorial-slice.md, typed in as it stands there in a copy of the project, does what it says."""

import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import jwt
import pytest

from scaffold.copies import Copy, copied
from tests.architecture.folders import replace
from tests.conftest import project_root
from tests.end_to_end.test_tour import constant, steps
from tests.faults.programs import wait_until
from tests.ports import free_port

TUTORIAL = (project_root() / "docs" / "tutorial-slice.md").read_text(encoding="utf-8")
PORT = "8000"
_BLOCK = re.compile(r"^```(console|diff|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`((?:modules|tests)/[\w/]+\.py)`")
# Besides what varies in the tour: how long it took, and the day of a migration.
_VARIES = {r"\d+ lines in \d+ s;": "<lines>", r"\b\d{8}_": "<day>_", r"Makefile:\d+": "<place>"}

pytestmark = pytest.mark.slow


class Shell:
    """A shell that stays: what one block sets, the next one has."""

    def __init__(self, copy: Copy, port: int) -> None:
        self._port, self._mark = port, secrets.token_hex(8)
        self._process = subprocess.Popen(
            ["bash"],
            cwd=copy.folder,
            env=copy.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> str:
        """What a command prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command.replace(f":{PORT}/", f":{self._port}/") + f"\necho {self._mark}\n")
        self._process.stdin.flush()
        return "".join(iter(self._process.stdout.readline, f"{self._mark}\n"))

    def close(self) -> None:
        """Ends it."""
        self._process.communicate()


@contextmanager
def serving(copy: Copy, port: int, command: str) -> Iterator[None]:
    """`make dev`, with settings before it, until it is ready."""

    def ready() -> bool:
        assert process.poll() is None, "make dev has ended"
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    quiet = subprocess.DEVNULL
    environment = {**copy.environment, "PORT": str(port)}
    process = subprocess.Popen(["env", *command.split()], cwd=copy.folder, env=environment, stdout=quiet, stderr=quiet)
    try:
        wait_until(ready, 60, "a server that is ready")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_the_tutorial_does_what_it_says() -> None:
    port = free_port()
    with copied() as copy, closing(Shell(copy, port)) as shell, ExitStack() as server:
        for kind, text, file in _blocks():
            if kind == "sh":
                server.close()  # the one before
                server.enter_context(serving(copy, port, text))
            elif kind == "diff":
                _apply(copy.folder, file, text)
            else:
                assert _typed(shell, text) == [(command, _constant(shown)) for command, shown in _steps(text)]
        claims = jwt.decode(shell.run("echo $TOKEN").strip(), options={"verify_signature": False})
        assert claims["exp"] > time.time() + 3600, "a reader takes longer than a test"


def _blocks() -> Iterator[tuple[str, str, str]]:
    """Each block with the file that was named last before it."""
    for found in _BLOCK.finditer(TUTORIAL):
        yield found[1], found[2], ["", *_FILE.findall(TUTORIAL[: found.start()])][-1]


def _steps(text: str) -> list[tuple[str, str]]:
    return steps(f"```console\n{text}```\n")


def _typed(shell: Shell, text: str) -> list[tuple[str, str]]:
    return [(command, _constant(shell.run(command))) for command, _ in _steps(text)]


def _constant(text: str) -> str:
    for pattern, stands in _VARIES.items():
        text = re.sub(pattern, stands, text)
    return constant(text)


def _apply(folder: Path, file: str, diff: str) -> None:
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
    replace(folder, file, old, new)
