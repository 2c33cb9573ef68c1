"""What a program in Python does first, with openapi-python-client: every operation, strictly typed, and run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.test_generators import FOUND, titles
from tests.clients.workplace import DOCUMENT, HERE
from tests.conftest import UserClient
from tests.environments import installed

PROGRAM = HERE / "programs" / "program.py"
GENERATED = "todo_api_client"


def _run(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def programs() -> Path:
    """Those of an environment that has the generator, and what its clients import."""
    return installed("openapi-python-client", HERE / "openapi-python-client.txt")


@pytest.fixture(scope="module")
def folder(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with the client beside it. What the generator leaves out it tells as a warning."""
    made = tmp_path_factory.mktemp("program")
    (made / PROGRAM.name).write_text(PROGRAM.read_text(encoding="utf-8"))
    command = (programs / "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none")
    # It formats what it has made with the ruff of the PATH.
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = _run(*command, "--fail-on-warning", "--output-path", made / GENERATED, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def _mypy(folder: Path, programs: Path, program: str) -> list[str]:
    (folder / "checked.py").write_text(program)
    # What is generated is not written for `--strict` in all places, whatever the document.
    how = (
        "--strict",
        "--follow-imports=silent",
        "--no-incremental",
        "--config-file",
        os.devnull,
        "--python-executable",
        programs / "python",
    )
    done = _run(sys.executable, "-m", "mypy", *how, "checked.py", cwd=folder)
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def test_the_program_passes_the_strictest_types(folder: Path, programs: Path) -> None:
    assert _mypy(folder, programs, PROGRAM.read_text(encoding="utf-8")) == []


def test_a_deleted_case_does_not(folder: Path, programs: Path) -> None:
    deleted = PROGRAM.read_text(encoding="utf-8").replace('"precondition_failed" | "not_found"', '"not_found"')
    (error,) = _mypy(folder, programs, deleted)
    assert "assert_never" in error
    assert "precondition_failed" in error


def test_the_program_runs(folder: Path, programs: Path, alice: UserClient) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    env = {**os.environ, "API": str(alice.base_url).rstrip("/"), "TOKEN": token, "PYTHONPATH": str(folder)}
    done = _run(programs / "python", PROGRAM.name, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {**FOUND, "etag": alice.etag(1)}
    assert titles(alice) == ["Feed the cat", "Water the plants again"]
