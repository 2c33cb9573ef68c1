"""The commands of who writes code here, in a copy without settings and without a database, as a fresh clone is."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from main import TITLE
from tests.architecture.folders import plant, replace
from tests.end_to_end.project import Project
from tests.ports import free_port
from tests.waiting import poll

MODELS = "modules/tasks/models.py"
LAST = "    completed_at: datetime | None = Field(sa_type=TIMESTAMP)\n"
MORE = f"{LAST}    place: str | None = Field(sa_type=Text)\n"
PLAIN = f"{LAST}    place: str | None\n"


def migration(project: Project, message: str) -> "subprocess.CompletedProcess[str]":
    """`make migration m=…`, with what make sets up being there."""
    return project.run(sys.executable, "-m", "scaffold.migration", message)


def versions(project: Project) -> set[Path]:
    """The migrations of the copy."""
    return set((project.folder / "alembic/versions").glob("*.py"))


def test_a_migration_is_made_where_there_is_neither_a_setting_nor_a_database(project: Project) -> None:
    before = versions(project)
    replace(project.folder, MODELS, LAST, MORE)
    done = migration(project, "Tasks have a place")
    assert done.returncode == 0, done.stderr + done.stdout
    (made,) = versions(project) - before
    assert re.fullmatch(r"\d{8}_tasks_have_a_place\.py", made.name)
    assert made.name in done.stdout
    text = made.read_text(encoding="utf-8")
    assert text.startswith('"""Tasks have a place\n')
    assert text.count('op.add_column("tasks", sa.Column("place", sa.Text(), nullable=True))') == 1
    assert text.count('op.drop_column("tasks", "place")') == 1
    assert "###" not in text
    assert project.run(sys.executable, "-m", "ruff", "format", "--check", str(made)).returncode == 0
    assert not (project.folder / ".data").exists()
    again = migration(project, "again")
    assert (again.returncode, versions(project)) == (1, {*before, made})
    assert "nothing was written" in again.stderr


def test_no_migration_is_made_of_a_column_that_would_be_stored_wrongly(project: Project) -> None:
    before = versions(project)
    replace(project.folder, MODELS, LAST, PLAIN)
    line = (project.folder / MODELS).read_text(encoding="utf-8").splitlines().index("    place: str | None") + 1
    done = migration(project, "a place")
    assert (done.returncode, versions(project)) == (1, before)
    assert f"modules/tasks/models.py:{line}: Task.place: a text says its type: write Field(sa_type=Text)" in done.stderr


def test_no_migration_is_left_that_cannot_be_undone(project: Project) -> None:
    """One that says nothing of its way back, as a template that somebody changed may have it."""
    before = versions(project)
    replace(project.folder, MODELS, LAST, MORE)
    replace(project.folder, "alembic/script.py.mako", '${downgrades if downgrades else "pass"}', "raise OSError")
    assert migration(project, "no way back").returncode == 1
    assert versions(project) == before


def test_a_migration_of_that_name_is_not_written_over(project: Project) -> None:
    replace(project.folder, MODELS, LAST, MORE)
    assert migration(project, "more").returncode == 0
    before = {path: path.read_bytes() for path in versions(project)}
    replace(project.folder, MODELS, "    place: str", "    other: str | None = Field(sa_type=Text)\n    place: str")
    done = migration(project, "more")
    assert done.returncode == 1
    assert "There is a migration" in done.stderr
    assert {path: path.read_bytes() for path in versions(project)} == before


def test_a_column_that_is_gone_is_dropped_and_a_new_name_is_asked_about(project: Project) -> None:
    before = versions(project)
    replace(project.folder, MODELS, "    description: str | None", "    about: str | None")
    replace(project.folder, MODELS, "char_length(description)", "char_length(about)")
    done = migration(project, "another name")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "if you renamed it, write op.alter_column(…, new_column_name=…)" in done.stdout
    (made,) = versions(project) - before
    assert 'op.drop_column("tasks", "description")' in made.read_text(encoding="utf-8").partition("def downgrade")[0]


def test_a_column_of_every_row_by_a_new_name_is_written_by_hand_as_is_told(project: Project) -> None:
    before = versions(project)
    models = project.folder / MODELS
    models.write_text(re.sub(r"\btitle\b", "heading", models.read_text(encoding="utf-8")), encoding="utf-8")
    done = migration(project, "another name")
    assert (done.returncode, versions(project)) == (1, before)
    (rename,) = re.findall(r"If it is title by a new name, .* `(op\.alter_column\([^`]+\))`", done.stderr)
    project.migrate()
    assert project.run(sys.executable, "-m", "alembic", "revision", "-m", "a heading").returncode == 0
    (made,) = versions(project) - before
    text = made.read_text(encoding="utf-8")
    made.write_text(text.replace("    pass\n", f"    {rename}\n", 1), encoding="utf-8")
    project.migrate()
    assert project.run(sys.executable, "-m", "alembic", "check").returncode == 0


def test_a_constraint_that_has_changed_is_migrated(project: Project) -> None:
    """Alembic compares none."""
    before = versions(project)
    replace(project.folder, MODELS, "status IN ('pending',", "status IN ('someday', 'pending',")
    done = migration(project, "tasks for someday")
    assert done.returncode == 0, done.stderr + done.stdout
    (made,) = versions(project) - before
    up, _, down = made.read_text(encoding="utf-8").partition("def downgrade")
    for half, values in ((up, 1), (down, 0)):
        assert half.count("DROP CONSTRAINT ck_tasks_status_known") == 1
        assert half.count("ADD CONSTRAINT ck_tasks_status_known CHECK") == 1
        assert half.count("someday'") == values
    assert "Another rule: ck_tasks_status_known." in done.stdout
    assert "nothing was written" in migration(project, "again").stderr


def test_an_index_of_a_table_with_rows_may_be_there_already(project: Project) -> None:
    """Built while writes went on."""
    before = versions(project)
    replace(
        project.folder,
        MODELS,
        '        Index("ix_tasks_title",',
        '        Index("ix_tasks_done", "user_id", "completed_at", "id"),\n        Index("ix_tasks_title",',
    )
    done = migration(project, "tasks by their end")
    assert "Writes to tasks wait while ix_tasks_done is built." in done.stdout
    (made,) = versions(project) - before
    assert "if_not_exists=True" in made.read_text(encoding="utf-8").partition("def downgrade")[0]


def test_a_column_that_old_rows_could_not_have_is_rejected(project: Project) -> None:
    before = versions(project)
    replace(project.folder, MODELS, LAST, f"{LAST}    place: str = Field(sa_type=Text)\n")
    done = migration(project, "a place")
    assert (done.returncode, versions(project)) == (1, before)
    assert "tasks.place may not be NULL, and the rows that are there have no value for it" in done.stderr


def test_alembic_needs_nothing_in_a_fresh_clone(project: Project) -> None:
    done = project.run(sys.executable, "-m", "alembic", "upgrade", "head")
    assert done.returncode == 0, done.stderr + done.stdout
    assert project.run(sys.executable, "-m", "alembic", "check").returncode == 0


@pytest.mark.parametrize("command", [("revision", "--autogenerate", "-m", "x"), ("check",)])
def test_alembic_says_what_comes_first(project: Project, command: tuple[str, ...]) -> None:
    done = project.run(sys.executable, "-m", "alembic", *command)
    assert done.returncode not in (0, None)
    told = "The database has no tables yet: run `alembic upgrade head` first, or `make migration m=…`"
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_alembic_without_an_env_file_says_how_to_get_one(project: Project) -> None:
    done = project.run(sys.executable, "-m", "alembic", "upgrade", "head", DATABASE_URL="mysql://u@h/d")
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert "There is no .env yet: `make .env` writes one." in done.stderr
    assert "`make migration m=…` makes a migration without settings and without a database." in done.stderr


def test_psql_is_on_the_database_of_the_settings(project: Project) -> None:
    assert project.run("make", ".env").returncode == 0
    project.migrate()
    done = project.run(sys.executable, "-m", "scaffold.psql", "-Atc", "SELECT count(*) FROM tasks")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_a_folder_of_packages_that_was_interrupted_is_made_to_its_end(project: Project) -> None:
    """Its pip came last, and had not come."""
    made = project.folder / ".venv"
    assert project.run(sys.executable, "-m", "venv", "--without-pip", str(made)).returncode == 0
    done = project.run("make", "--no-print-directory", f"PYTHON={sys.executable}", ".venv/bin/pip")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert project.run(".venv/bin/python", "-m", "pip", "--version").returncode == 0


def test_a_folder_that_nobody_can_write_to_is_not_taken_for_a_package_that_is_missing(project: Project) -> None:
    (project.folder / ".venv").symlink_to("/proc/nobody")
    (project.folder / "requirements-local.txt").touch()
    done = project.run("make", f"PYTHON={sys.executable}", "INSTALL_VENV=false", ".venv/.runtime")
    assert done.returncode == 2
    assert ".venv" in done.stderr
    assert "apt-get" not in done.stderr


def test_psql_says_what_the_settings_lack(project: Project) -> None:
    done = project.run(sys.executable, "-m", "scaffold.psql", DATABASE_URL="mysql://u@h/d")
    assert (done.returncode, done.stdout) == (1, "")
    assert "DATABASE_URL: must start with" in done.stderr


def test_a_change_is_served_without_a_restart_by_hand(project: Project) -> None:
    """Also after a change that could not be loaded."""
    assert project.run("make", ".env").returncode == 0
    project.migrate()
    port = free_port()
    environment = {**project.environment, "PORT": str(port)}
    log = project.root / "t" / "dev"
    with log.open("wb") as output:
        dev = subprocess.Popen(
            [sys.executable, "-m", "scaffold.dev"], cwd=project.folder, env=environment, stdout=output, stderr=output
        )
    project.servers.append(dev)
    _served(port, TITLE)
    replace(project.folder, "main.py", "title=TITLE", 'title="Changed" +')
    poll(lambda: "SyntaxError" in log.read_text())
    replace(project.folder, "main.py", 'title="Changed" +', 'title="Mended"')
    _served(port, "Mended")
    plant(project.folder, "modules/tasks/schemas.py", "# A comment.")
    poll(lambda: "Changed: modules/tasks/schemas.py. Starting again." in log.read_text())
    _served(port, "Mended")
    dev.send_signal(signal.SIGINT)
    assert dev.wait(20) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False)


def _served(port: int, title: str) -> None:
    def is_there() -> bool:
        try:
            document = httpx.get(f"http://127.0.0.1:{port}/openapi.json", trust_env=False).json()
        except httpx.TransportError:
            return False
        return bool(document["info"]["title"] == title)

    poll(is_there)
