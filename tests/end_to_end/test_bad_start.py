"""What stops a start: one message on standard error, an exit status that is not 0, and no secret."""

import json
import socket
import sys
from collections.abc import Callable

import pytest

from core.database import migrations
from tests.architecture.folders import plant, replace
from tests.conftest import TestDatabase
from tests.core.database.spread import install, spread
from tests.end_to_end.project import Project
from tests.ports import free_port

SECRET = "2f7c1e9b5a8d4036b1c7e2f9a4d80563"
ENOUGH = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": "postgresql://owner@127.0.0.1:1/todo"}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, ["BETTER_AUTH_SECRET"]),
        ({"BETTER_AUTH_SECRET": "placeholder-that-make-run-replaces"}, ["BETTER_AUTH_SECRET"]),
        ({"BETTER_AUTH_SECRET": SECRET, "APP_ENV": "production"}, ["DATABASE_URL"]),
        (
            {
                "APP_ENV": "staging",
                "BETTER_AUTH_SECRET": "hidden-word",
                "DATABASE_URL": "mysql://u:hidden-word@h/d",
                "DATABASE_URL_UNPOOLED": "hidden-word",
                "PORT": "99999",
                "LOG_LEVEL": "LOUD",
                "CORS_ORIGINS": "*",
                "AUTH_LOCAL_ACCOUNTS": "perhaps",
                "REQUEST_TIMEOUT": "60",
                "MAX_BODY_BYTES": "many",
            },
            [
                *("APP_ENV", "AUTH_LOCAL_ACCOUNTS", "BETTER_AUTH_SECRET", "CORS_ORIGINS", "DATABASE_URL"),
                *("DATABASE_URL_UNPOOLED", "LOG_LEVEL", "MAX_BODY_BYTES", "PORT", "REQUEST_TIMEOUT"),
            ],
        ),
    ],
)
def test_settings_that_cannot_be_used_are_all_named_at_once(
    project: Project, variables: dict[str, str], named: list[str]
) -> None:
    done = project.run(sys.executable, "main.py", **variables)
    assert done.returncode == 1
    assert done.stdout == ""
    head, *problems = done.stderr.splitlines()
    assert head == "The settings cannot be used:"
    assert sorted(problem.removeprefix("  - ").partition(":")[0] for problem in problems) == named
    assert "hidden-word" not in done.stderr


def test_the_environment_file_is_read_and_the_environment_wins(project: Project) -> None:
    (project.folder / ".env").write_text("PORT=nonsense\nLOG_LEVEL=LOUD\n")
    done = project.run(sys.executable, "main.py", **ENOUGH, LOG_LEVEL="INFO")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == ["  - PORT"]


def test_a_port_in_use_is_said(project: Project, database: TestDatabase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        variables = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url, "PORT": port}
        done = project.run(sys.executable, "main.py", **variables)
    assert done.returncode == 1
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["message"], line["level"]) == ("cannot listen", "error")
    assert (line["server.address"], line["server.port"]) == ("127.0.0.1", int(port))
    assert line["exception.message"].endswith("Address already in use")
    assert "Traceback" not in done.stdout + done.stderr
    assert "The API is at" not in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_who_is_told_where_it_serves_is_served(project: Project, database: TestDatabase) -> None:
    """A statement without its owner stops the start, and the last line says so."""
    plant(project.folder, "modules/tasks/statements.py", _WITHOUT_OWNER)
    users = "from modules.users import"
    replace(project.folder, "main.py", users, f"import modules.tasks.statements\n{users}")
    variables = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url, "PORT": str(free_port())}
    done = project.run(sys.executable, "main.py", **variables)
    assert done.returncode == 1
    assert "A statement on tasks has no owner: add `user_id == OWNER`" in done.stderr.splitlines()[-1]
    assert "The API is at" not in done.stderr


def test_local_accounts_do_not_start_beside_tables_that_are_spread(
    project: Project, make_database: Callable[[], TestDatabase]
) -> None:
    """One sentence, as of a setting that cannot be used."""
    own = make_database()
    install(own)
    spread(own, "users", "id")
    variables = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": own.proxied_url}
    done = project.run(sys.executable, "main.py", **variables)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "AUTH_LOCAL_ACCOUNTS=false" in line
    assert SECRET not in done.stdout + done.stderr


_WITHOUT_OWNER = """
from sqlmodel import select

from core.database import statement
from modules.tasks.models import Task


@statement
def _all():
    return select(Task)
"""


_MIGRATION = """
from alembic import op
revision = "{revision}"
down_revision = "{before}"
def upgrade() -> None:
    op.execute("CREATE TABLE {revision} (id int)")
def downgrade() -> None:
    op.execute("DROP TABLE {revision}")
"""
_UPGRADE = (sys.executable, "-m", "alembic", "upgrade", "head")


def test_two_newest_migrations_are_named_with_what_puts_them_in_a_row(project: Project) -> None:
    """What a merge of two branches leaves, of which each has made a migration."""
    (project.folder / ".env").write_text(f"BETTER_AUTH_SECRET={SECRET}\n")
    versions = project.folder / "alembic" / "versions"
    for name in ("theirs", "ours"):
        text = _MIGRATION.format(revision=name, before=migrations.head())
        (versions / f"29991231_{name}.py").write_text(text)
    told = "Several migrations are the newest one, as after a merge: 29991231_ours.py and 29991231_theirs.py."
    for command in (
        _UPGRADE,
        (sys.executable, "-m", "alembic", "check"),
        (sys.executable, "-m", "scaffold.migration", "one more"),
        (sys.executable, "main.py"),
    ):
        done = project.run(*command)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode != 0
        assert told in said
        assert "let `down_revision` be the `revision` of the other" in said
        assert "Traceback" not in said
    replace(project.folder, "alembic/versions/29991231_theirs.py", f'"{migrations.head()}"', '"ours"')
    done = project.run(*_UPGRADE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.run(sys.executable, "-m", "alembic", "current").stdout.strip() == "theirs (head)"
