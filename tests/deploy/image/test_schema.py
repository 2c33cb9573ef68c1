"""The tables as the linter of another engine that spreads rows over servers sees them: Aurora DSQL's."""

import json
import subprocess
from pathlib import Path

from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

import main  # noqa: F401 (with it come all slices)
from core.database.ownership import DIALECT
from tests.deploy.image.test_files import TOOLS

# What it finds and mends by itself: it builds indexes in the background.
FORM = {"index_async"}


def _found(sql: str, folder: Path) -> set[tuple[str, str]]:
    """The rules that are broken, each with the table's name; not those of form."""
    file = folder / "schema.sql"
    file.write_text(sql)
    done = subprocess.run([TOOLS / "dsql-lint", "--format", "json", file], capture_output=True, text=True, check=False)
    (told,) = json.loads(done.stdout)["files"]
    return {
        (one["rule"], one["statement_preview"].split()[2]) for one in told["diagnostics"] if one["rule"] not in FORM
    }


def _definitions() -> str:
    tables = SQLModel.metadata.sorted_tables
    made = [CreateTable(table) for table in tables] + [CreateIndex(one) for table in tables for one in table.indexes]
    return "\n".join(f"{one.compile(dialect=DIALECT)};" for one in made)


def test_nothing_but_local_accounts_stands_in_the_way_of_another_engine(tmp_path: Path) -> None:
    """They are on one server anyway."""
    assert _found(_definitions(), tmp_path) == {("array_type", "local_sessions")}


def test_what_would_is_told(tmp_path: Path) -> None:
    planted = "CREATE TABLE notes (user_id text, number serial, words tsvector, PRIMARY KEY (user_id, number));"
    assert {table for _, table in _found(_definitions() + planted, tmp_path)} == {"local_sessions", "notes"}
