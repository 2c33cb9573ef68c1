"""A copy of the project in a folder of its own, with the interpreter and the packages of this one, and its commands."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from core.config import PROJECT_ROOT
from scaffold.rejection import RejectedError
from tests.conftest import UserClient
from tests.ports import free_port

SECRET = secrets.token_hex(32)
_GIT = ("git", "-c", "user.name=check", "-c", "user.email=check@example.com", "-c", "commit.gpgsign=false")


@dataclass
class Copy:
    """The copy: all that Git would commit here, in a repository with one commit."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """This one's, without settings of the database, so that the copy has an embedded PostgreSQL of its own, and
        without what has coverage measure each process, whose lines are nobody's."""
        without = ("COVERAGE_PROCESS_", "DATABASE", "GIT_", "MAKE")
        return {name: value for name, value in os.environ.items() if not name.startswith(without)}

    @property
    def _with_secret(self) -> dict[str, str]:
        return {**self.environment, "BETTER_AUTH_SECRET": SECRET}

    def run(self, *command: str) -> str:
        """What a command prints. Raises RejectedError with it where it fails."""
        done = subprocess.run(
            command, cwd=self.folder, env=self._with_secret, capture_output=True, text=True, check=False, timeout=900
        )
        if done.returncode:
            raise RejectedError(f"{' '.join(command)}\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
        return done.stdout

    def python(self, *arguments: str) -> str:
        """A module of the interpreter."""
        return self.run(sys.executable, "-m", *arguments)

    def rejected(self, *arguments: str) -> str:
        """What a module of the interpreter says that does not do it. Raises RejectedError where it does."""
        try:
            self.python(*arguments)
        except RejectedError as error:
            return str(error)
        raise RejectedError(f"{' '.join(arguments)} was done")

    def is_clean(self) -> bool:
        """Whether it is as it was committed."""
        return self.run("git", "status", "--porcelain") == ""

    @contextmanager
    def served(self) -> Iterator[UserClient]:
        """Somebody who calls the copy's server, on the copy's own embedded PostgreSQL."""
        port = free_port()
        environment = {**self._with_secret, "PORT": str(port), "HOST": "127.0.0.1"}
        server = subprocess.Popen(
            [sys.executable, "main.py"],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await(port, server)
            with UserClient(f"http://127.0.0.1:{port}", secret=SECRET) as user:
                yield user
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


@contextmanager
def copied() -> Iterator[Copy]:
    """A copy, whose database ends with it."""
    with TemporaryDirectory(prefix="todo-", ignore_cleanup_errors=True) as root:
        copy = Copy(Path(root) / "p")
        listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(listed, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
        for name in filter(None, names):
            if (PROJECT_ROOT / name).exists():
                (copy.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT_ROOT / name, copy.folder / name)
        _copy_compiled(copy.folder, {Path(name).parent for name in names})
        (copy.folder / ".venv").symlink_to(PROJECT_ROOT / ".venv")
        for cache in (".mypy_cache", ".ruff_cache"):  # what is known of the libraries: most of mypy's time
            if (PROJECT_ROOT / cache).exists():
                shutil.copytree(PROJECT_ROOT / cache, copy.folder / cache)
        copy.run("git", "init", "--quiet")
        copy.run("git", "add", "--all")
        copy.run(*_GIT, "commit", "--quiet", "--message", "copied")
        try:
            yield copy
        finally:
            copy.run(sys.executable, "-c", _END_DATABASE)


def _copy_compiled(folder: Path, parts: set[Path]) -> None:
    """What Python and pytest have compiled of it here, or each copy would compile all of it anew."""
    for cache in (part / "__pycache__" for part in parts):
        if (PROJECT_ROOT / cache).exists():
            shutil.copytree(PROJECT_ROOT / cache, folder / cache, ignore=shutil.ignore_patterns("*.pyc.*"))


_END_DATABASE = """
from core.database import embedded
if (embedded.DATA / "PG_VERSION").exists():
    embedded.start(keep=False).cleanup()
"""


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise RejectedError("the server of the copy was not ready")
        time.sleep(0.05)
