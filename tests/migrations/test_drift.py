"""The drift check: a model that no migration follows is red, and the migration it asks for makes it green."""

import re
import shutil
from pathlib import Path

import pytest

from tests.architecture.folders import copy_product, plant, replace
from tests.conftest import TestDatabase, project_root
from tests.migrations.conftest import PlainDatabase, run_alembic

MODELS = "modules/tasks/models.py"
COLUMN = "    due_at: datetime | None = Field(sa_type=TIMESTAMP)\n"
MORE = "    colour: str | None = Field(sa_type=Text)\n"
INDEX = '        Index("ix_tasks_title", "user_id", text("lower(title)"), "id"),\n'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project with its migrations, to be changed."""
    shutil.copytree(project_root() / "alembic", tmp_path / "alembic", ignore=shutil.ignore_patterns("*.pyc.*"))
    return copy_product(tmp_path)


def test_models_without_their_migrations_are_drift(copy: Path, database: TestDatabase) -> None:
    """A column more, another type, an index less: each is named, and nothing else is."""
    replace(copy, MODELS, COLUMN, COLUMN.replace("datetime", "str").replace("TIMESTAMP", "Text") + MORE)
    replace(copy, MODELS, INDEX, "")
    done = run_alembic("check", folder=copy, DATABASE_URL=database.url)
    assert done.returncode != 0
    (told,) = re.findall(r"New upgrade operations detected: (.*)", done.stdout + done.stderr)
    assert sorted(re.findall(r"\('((?:add|modify|remove)_\w+)', ", told)) == [
        "add_column",
        "modify_type",
        "remove_index",
    ]
    assert {"colour", "due_at", "ix_tasks_title"} <= set(re.findall(r"\w+", told))


def test_a_new_slice_is_found_and_its_migration_is_a_dated_file(copy: Path, migrated: PlainDatabase) -> None:
    plant(copy, "modules/gadgets/__init__.py", "")
    plant(copy, "modules/gadgets/models.py", _GADGETS)
    before = set((copy / "alembic/versions").glob("*.py"))
    migrated.alembic("revision", "--autogenerate", "-m", "Gadgets of a user", folder=copy)
    (made,) = set((copy / "alembic/versions").glob("*.py")) - before
    assert re.fullmatch(r"\d{8}_gadgets_of_a_user\.py", made.name)
    migrated.alembic("upgrade", "head", folder=copy)
    migrated.alembic("check", folder=copy)
    migrated.alembic("downgrade", "-1", folder=copy)
    assert migrated.query("SELECT to_regclass('gadgets')::text, to_regclass('tasks')::text") == [(None, "tasks")]


def test_rows_that_a_new_constraint_does_not_fit_are_told_in_a_sentence(copy: Path, migrated: PlainDatabase) -> None:
    migrated.query("INSERT INTO users (id) VALUES ('somebody') RETURNING id")
    migrated.query(
        "INSERT INTO tasks (user_id, id, title, status, change) "
        "VALUES ('somebody', gen_random_uuid(), 'a long one', 'pending', 1) RETURNING id"
    )
    migrated.alembic("revision", "-m", "short titles", folder=copy)
    (made,) = (copy / "alembic/versions").glob("*_short_titles.py")
    added = "op.execute('ALTER TABLE tasks ADD CONSTRAINT ck_tasks_short CHECK (char_length(title) < 5)')"
    made.write_text(made.read_text().replace("pass", added, 1))
    done = run_alembic("upgrade", "head", folder=copy, DATABASE_URL=migrated.url)
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert 'check constraint "ck_tasks_short" of relation "tasks" is violated by some row: rows that are' in line
    assert "op.execute(rows_changed(" in line
    assert "a long one" not in line


_GADGETS = '''"""The table of gadgets."""

from sqlalchemy import Text
from sqlmodel import Field

from core.resources.models import OwnedTable


class Gadget(OwnedTable, table=True):
    """One note."""

    __tablename__ = "gadgets"

    text: str = Field(sa_type=Text)
'''
