"""From a fresh copy of the project to a task that outlives a `kill -9` of everything."""

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

from tests.end_to_end.project import Project, printed_commands
from tests.ports import free_port


def test_a_task_outlives_the_killing_of_server_and_database(project: Project) -> None:
    assert project.run("make", ".env").returncode == 0
    port = free_port()
    printed, first = _started(project, port)
    created, page = _typed_in(project, printed_commands(printed))
    assert page == {"items": [created], "next_cursor": None}
    assert created["title"] == "Water the plants"

    project.kill_everything()

    printed, second = _started(project, port)
    assert second < 10 + 2 * first, "the database took long to recover, on whatever machine"
    second_time = printed_commands(printed).replace("auth/sign-up", "auth/sign-in")
    another, page = _typed_in(project, second_time)
    assert page == {"items": [another, created], "next_cursor": None}
    assert project.stop() == 0


def test_the_environment_file_has_a_secret_of_its_own_and_is_kept(project: Project) -> None:
    assert project.run("make", ".env").returncode == 0
    path = project.folder / ".env"
    example, made = (project.folder / ".env.example").read_text(), path.read_text()
    secret = re.findall(r"^BETTER_AUTH_SECRET=([0-9a-f]{64})$", made, re.MULTILINE)
    assert len(secret) == 1
    assert made.replace(secret[0], "placeholder-that-make-run-replaces") == example
    assert path.stat().st_mode & 0o777 == 0o600
    (project.folder / ".env.example").touch()
    assert project.run("make", ".env").returncode == 0
    assert path.read_text() == made


def test_a_process_number_that_another_program_has_now_is_no_running_database(project: Project) -> None:
    start = (sys.executable, "-c", "from core.database import embedded; embedded.start()")
    assert project.run(*start).returncode == 0
    data = project.folder / ".data" / "postgres"
    locks = [data / "postmaster.pid", *project.root.rglob(".s.PGSQL.*.lock")]
    assert len(locks) == 2
    number = locks[0].read_text().splitlines()[0]
    project.kill_everything()
    owner = data.stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=owner) as other:
        try:
            for lock in locks:
                lock.write_text(lock.read_text().replace(number, str(other.pid), 1))
            done = project.run(*start)
        finally:
            other.kill()
    assert done.returncode == 0, done.stderr


def _started(project: Project, port: int) -> tuple[str, float]:
    """As `make run` does: what the server prints, and the seconds that it took."""
    began = time.monotonic()
    project.migrate()
    return project.serve(port), time.monotonic() - began


def _typed_in(project: Project, commands: str) -> list[dict[str, Any]]:
    """Runs the printed lines in bash, as they are, and gives the JSON texts that they print."""
    done = project.run("bash", "-euo", "pipefail", "-c", commands)
    assert done.returncode == 0, done.stderr
    found, rest = [], done.stdout.strip()
    while rest:
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found
