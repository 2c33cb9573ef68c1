"""A copy of the project in a folder with a space in its name, and its real processes, run as a person runs them."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.conftest import project_root
from tests.unmeasured import unmeasured
from tests.waiting import poll

# What a clone has, but for its tests and papers.
PARTS = ("main.py", "pyproject.toml", "Makefile", ".env.example", "core", "modules", "alembic", "scaffold")


@dataclass
class Project:
    """The copy. `user` is a command in front of every other, which changes the user."""

    root: Path
    user: Sequence[str] = ()
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where the copy is."""
        return self.root / "my todo project"

    @property
    def _temporary(self) -> Path:
        # A short name: the database's socket lies here, and its path may have no more than 103 bytes.
        return self.root / "t"

    @property
    def environment(self) -> dict[str, str]:
        """This machine's, without settings of the project; whatever is temporary goes with the copy."""
        names = re.findall(r"^(?:# )?([A-Z_]+)=", (self.folder / ".env.example").read_text(), re.MULTILINE)
        kept = {name: value for name, value in unmeasured().items() if name not in names}
        return {**kept, "TMPDIR": str(self._temporary), "HOME": str(self.root), "NO_PROXY": "127.0.0.1"}

    def copy(self) -> None:
        """Makes the copy, without an environment file."""
        self._temporary.mkdir()
        self.folder.mkdir()
        for part in PARTS:
            source = project_root() / part
            if source.is_dir():
                shutil.copytree(source, self.folder / part, ignore=shutil.ignore_patterns("*.pyc.*"))
            else:
                shutil.copy(source, self.folder / part)

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command in the folder to its end."""
        return subprocess.run(
            [*self.user, *command],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def migrate(self) -> None:
        """The first half of `make run`."""
        done = self.run(sys.executable, "-m", "alembic", "upgrade", "head")
        assert done.returncode == 0, done.stdout + done.stderr

    def serve(self, port: int) -> str:
        """The second half: starts the server, waits until it is ready, and gives what it printed for people."""
        errors = self._temporary / f"errors-{len(self.servers)}"
        with errors.open("wb") as stderr:
            command = [*self.user, sys.executable, "main.py"]
            environment = {**self.environment, "PORT": str(port)}
            server = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=stderr
            )
        self.servers.append(server)
        deadline = time.monotonic() + 60
        while not _is_ready(port):
            assert server.poll() is None, errors.read_text()
            assert time.monotonic() < deadline, "the server was not ready in time"
            time.sleep(0.05)
        return errors.read_text()

    def stop(self) -> int:
        """Ends the server as a process manager does, and gives its exit status."""
        self.servers[-1].send_signal(signal.SIGTERM)
        return self.servers[-1].wait(20)

    def kill_everything(self) -> None:
        """`kill -9` of the servers and of every process of the copy's database, by their ids."""
        for server in self.servers:
            server.kill()
            server.wait(20)
        pid_file = self.folder / ".data" / "postgres" / "postmaster.pid"
        if not pid_file.exists():
            return
        try:
            postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
            victims = [postmaster, *postmaster.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for victim in victims:
            victim.kill()
        poll(lambda: not any(map(_lives, victims)))


def printed_commands(text: str) -> str:
    """The lines that the server prints to be copied into a shell."""
    return "\n".join(line for line in text.splitlines() if line.startswith("  "))


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _lives(process: psutil.Process) -> bool:
    """A zombie waits for its parent only."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
