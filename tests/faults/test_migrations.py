"""Migrations while requests are served: one migrator at a time, nobody waits long, a clear word on versions."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.database import migrations
from tests.architecture.folders import replace as replace_text
from tests.conftest import SECRET, project_root
from tests.faults import trial
from tests.faults.bench import Bench, Way
from tests.faults.bounds import EVENT_SECONDS, RECOVERED_SECONDS
from tests.faults.conftest import Say
from tests.faults.load import Load
from tests.faults.postgres import ROLE
from tests.faults.programs import wait_until
from tests.faults.report import Report, statuses

_WAITING = "SELECT virtualtransaction FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
_COLUMN = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'tasks' AND column_name = 'colour'"
COPIED = ("core", "modules", "alembic", "main.py", "pyproject.toml")
DUE = "    due_at: datetime | None = Field(sa_type=TIMESTAMP)\n"
NEXT = '''"""adds a column

Revision ID: 0123456789ab
Revises: {head}
"""

from alembic import op
import sqlalchemy as sa

revision = "0123456789ab"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("colour", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("tasks", "colour")
'''


@pytest.fixture(scope="module")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project one migration later."""
    folder = tmp_path_factory.mktemp("next-version")
    for name in COPIED:
        source = project_root() / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    replace_text(folder, "modules/tasks/models.py", DUE, f"{DUE}    colour: str | None = Field(sa_type=Text)\n")
    (folder / "alembic" / "versions" / "20990101_adds_a_column.py").write_text(NEXT.format(head=migrations.head()))
    return folder


def alembic(bench: Bench, way: Way, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Starts alembic as a replica does that migrates before it serves; with the direct URL."""
    settings = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": bench.postgres.url(way.database, ROLE)}
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=folder,
        env={**os.environ, **settings, "DATABASE_URL_UNPOOLED": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_migrations_wait_for_locks_by_turns_and_hold_up_nobody(
    bench: Bench, next_version: Path, report: Report, say: Say
) -> None:
    outputs: list[tuple[int, str]] = []

    @contextmanager
    def migrated(*arguments: str) -> Iterator[None]:
        """Two replicas migrate at once, while somebody reads the table until one of them has given way."""
        with bench.postgres.session(bench.direct.database) as session:
            session.cursor().execute("BEGIN; SELECT FROM tasks LIMIT 1")
            migrators = [alembic(bench, bench.direct, next_version, *arguments) for _ in range(2)]
            _wait_until_one_gives_up(bench)
        outputs.extend((migrator.wait(60), migrator.communicate()[0]) for migrator in migrators)
        yield

    rows = []
    for what, arguments, columns in (("up", ("upgrade", "head"), 1), ("down", ("downgrade", migrations.head()), 0)):
        with Load(bench.clients, bench.direct.ports, think=0.03) as load, migrated(*arguments):
            pass
        longest = max(response.seconds for _, response in load.seen.responses)
        say(f"{what}: longest response {longest:.2f} s, {statuses(load.seen.statuses(0))}")
        rows.append([what, statuses(load.seen.statuses(0)), f"{longest:.2f} s"])
        assert load.seen.complaints() == []
        assert 503 not in load.seen.statuses(0)
        assert bench.postgres.query(_COLUMN, database=bench.direct.database) == [(columns,)]
    report.table("migrations", ["adding a column, and removing it", "responses", "longest"], rows)
    assert [code for code, _ in outputs] == [0, 0, 0, 0], outputs
    assert any("A lock is held by others" in output for _, output in outputs), outputs


def _wait_until_one_gives_up(bench: Bench) -> None:
    """The table is not free, so a transaction that waits no more for it has not got it."""
    wait_until(lambda: bench.postgres.query(_WAITING) != [], EVENT_SECONDS, "a migrator that waits for the table")
    waiting = bench.postgres.query(_WAITING)
    wait_until(lambda: bench.postgres.query(_WAITING) != waiting, EVENT_SECONDS, "a migrator that gives way")


def test_a_database_that_is_newer_than_the_code_is_left_alone_with_a_clear_word(
    bench: Bench, next_version: Path
) -> None:
    """An older replica that migrates before it serves goes on to serve; who would go back is told that it cannot."""
    way = replace(bench.direct, database=bench.postgres.make_database("newer"))
    assert finished(alembic(bench, way, next_version, "upgrade", "head"))[0] == 0
    for arguments, status in ((("upgrade", "head"), 0), (("downgrade", "-1"), 1), (("check",), 1)):
        code, output = finished(alembic(bench, way, project_root(), *arguments))
        assert bool(code) == bool(status), output
        assert "revision 0123456789ab, which this code does not know: it is newer than the code" in output
        assert "Traceback" not in output
    assert bench.postgres.query("SELECT version_num FROM alembic_version", database="newer") == [("0123456789ab",)]


def test_two_versions_roll_over_two_replicas_forward_and_back_and_lose_no_request(
    bench: Bench, next_version: Path, report: Report, say: Say
) -> None:
    replicas = bench.direct.replicas
    nginx = bench.nginx(replicas)
    plain = replace(bench.direct, name="nginx as it is", ports=[nginx.plain_port])
    ways = [plain, replace(plain, name="nginx with kept connections", ports=[nginx.kept_port])]
    try:
        found = trial.run(
            bench, "a release with a migration, and back", rolled(bench, next_version), 0, ways, think=0.03
        )
    finally:
        nginx.stop()
        assert finished(alembic(bench, bench.direct, next_version, "downgrade", migrations.head()))[0] == 0
    report.faults("faults-releases", found, by_way=True)
    for one in found:
        say(f"{one.way}: {statuses(one.seen.statuses(0))}, {one.verdict}")
    assert [text for one in found for text in one.complaints(RECOVERED_SECONDS)] == []
    assert [status for one in found for status in one.seen.statuses(0) if status not in (200, 201, 204, 412)] == []


@contextmanager
def rolled(bench: Bench, next_version: Path) -> Iterator[None]:
    """Migrates first, then replaces one replica after the other; back the same way, and the schema stays new."""
    replicas = bench.direct.replicas
    assert finished(alembic(bench, bench.direct, next_version, "upgrade", "head"))[0] == 0
    for folder in (next_version, project_root()):
        for replica in replicas:
            assert [one.status("/health/ready") for one in replicas] == [200, 200]
            replica.signal(signal.SIGTERM)
            replica.wait()
            replica.folder = folder
            replica.start()
            replica.wait_ready()
        assert finished(alembic(bench, bench.direct, folder, "upgrade", "head"))[0] == 0
    yield


def finished(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit status of a process, and what it wrote."""
    output, _ = process.communicate(timeout=60)
    return process.returncode, output
