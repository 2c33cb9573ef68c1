"""`make remove-slice`: takes a slice out, with its tables; where they may be in use, by a migration that drops them."""

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from alembic.operations.ops import DowngradeOps, UpgradeOps
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from core.config import PROJECT_ROOT, ConfigurationError
from core.database import migrations
from scaffold import databases, main_file, migration
from scaffold.make import makes_only, run
from scaffold.rejection import RejectedError
from scaffold.undo import undone_if_it_fails

# Those that the product came with: others stand on them.
BUILT_IN = {"auth", "tasks", "users"}
_NEXT_RELEASE = (
    "Put that into the release after this one: the one before needs the tables, beside this one and for a rollback. "
    'docs/operations.md, "Contract", says what else it is to have.'
)
_ADOPTING = "docs/adopting.md says what a product without it does"


def remove(name: str, root: Path, *, force: bool = False) -> str:
    """Takes the slice out, and says in a sentence what became of its tables. Raises RejectedError, with nothing done.

    Without `force` no table that has rows is touched.
    """
    if name in BUILT_IN:
        raise RejectedError(f"Others stand on `{name}`, so it stays: {_ADOPTING}.")
    if not name.isidentifier() or not (root / "modules" / name / "models.py").exists():
        raise RejectedError(f"There is no slice `{name}` that can be removed.")
    main = main_file.without_slice((root / "main.py").read_text(encoding="utf-8"), name)
    tables = _tables(name)
    _reject_what_stands_on_it(name, tables, root)
    made = _made_it(tables)
    with databases.in_use() as database, undone_if_it_fails(root):
        told = _let_go(name, tables, made, database, force=force)
        (root / "main.py").write_text(main, encoding="utf-8")
        for folder in (root / "modules" / name, root / "tests" / "modules" / name):
            shutil.rmtree(folder, ignore_errors=True)
        run(root, "tests.contract.write_documents")
    return told


def _let_go(name: str, tables: list[str], made: Path | None, database: tuple[str, bool] | None, *, force: bool) -> str:
    """Undoes the migration that made the tables, or writes one that drops them."""
    if not tables:
        return "It had no table, and nothing is left."
    url, local = database or ("", True)
    if url and (full := databases.has_rows(url, tables)) and not force:
        raise RejectedError(
            f"There are rows in {' and '.join(full)}: `make remove-slice name={name} force=yes` gives them up."
        )
    applied = databases.applied(url) if url else None
    revision = _revision(made) if made else ""
    if made is None or (applied == revision and not local):
        return f"Its tables go with {_drop(name, tables)}. {_NEXT_RELEASE}"
    if applied == revision:
        command.downgrade(migrations.configuration(url), "-1")
    made.unlink()
    return f"Its migration, {made.name}, is gone with it, and nothing is left."


def _drop(name: str, tables: list[str]) -> str:
    """A migration that drops the tables: what would make them on a database without them, turned round."""

    def turned(_context: Any, _revision: Any, directives: list[Any]) -> None:
        (script,) = directives
        made, undone = script.upgrade_ops.ops, script.downgrade_ops.ops
        script.upgrade_ops, script.downgrade_ops = UpgradeOps(undone), DowngradeOps(made)

    with databases.throw_away() as url:
        dropped = ", ".join(f"todo.{table}" for table in tables)
        databases.query(url, f"DROP TABLE {dropped}")
        message = f"drop {name.replace('_', ' ')}"
        path = migration.made(databases.settings(url), message, turned)
    with databases.throw_away() as url:  # from the first migration to this one
        for step, target in ((command.downgrade, "-1"), (command.upgrade, "head")):
            step(databases.settings(url), target)
    return path.name


def _tables(name: str) -> list[str]:
    """The slice's own, those that refer to others of them first."""
    migrations.load_models()
    mappers = SQLModel._sa_registry.mappers
    own = {one.local_table for one in mappers if one.class_.__module__ == f"modules.{name}.models"}
    return [table.name for table in reversed(SQLModel.metadata.sorted_tables) if table in own]


def _reject_what_stands_on_it(name: str, tables: list[str], root: Path) -> None:
    for table in SQLModel.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            if key.referred_table.name in tables and table.name not in tables:
                raise RejectedError(f"{table.name} refers to {key.referred_table.name}: remove what declares it first.")
    for path, line in _mentions(name, root):
        raise RejectedError(f"{path}:{line} imports from modules.{name}: take that out first.")


def _mentions(name: str, root: Path) -> Iterator[tuple[str, int]]:
    """Where others import the slice, main.py apart."""
    own = {root / "modules" / name, root / "tests" / "modules" / name}
    imports = re.compile(rf"^\s*(from|import) (tests\.)?modules\.{name}\b", re.MULTILINE)
    for part in ("core", "modules", "tests", "benchmarks"):
        for path in sorted((root / part).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if not own.intersection(path.parents) and (found := imports.search(text)):
                yield path.relative_to(root).as_posix(), text.count("\n", 0, found.end()) + 1


def _made_it(tables: list[str]) -> Path | None:
    """The newest migration, if it makes these tables and touches no other; None where more came after."""
    script = ScriptDirectory.from_config(migrations.configuration(""))
    newest = Path(script.get_revision(migrations.head()).path)
    return newest if makes_only(newest, tables) else None


def _revision(path: Path) -> str:
    (found,) = re.findall(r'^revision = "(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


def main() -> None:
    """The command. Exits with a sentence where it cannot be done."""
    parser = argparse.ArgumentParser(prog="make remove-slice")
    parser.add_argument("--name", default="")
    parser.add_argument("--force", action="store_true")
    given = parser.parse_args()
    try:
        told = remove(given.name, PROJECT_ROOT, force=given.force)
    except (RejectedError, ConfigurationError) as error:
        sys.exit(str(error))
    except psycopg2.OperationalError as error:
        sys.exit(f"Whether the tables have rows cannot be seen: {' '.join(str(error).split())}")
    sys.stdout.write(f"The slice {given.name} is removed. {told}\n")


if __name__ == "__main__":
    main()
