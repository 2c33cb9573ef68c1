"""`make migration`: writes the migration that brings tables to what the models say, made on a database of its own."""

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations.ops import AddColumnOp, CreateIndexOp, DropColumnOp, ModifyTableOps
from alembic.script import Script
from alembic.util import CommandError

from core.config import PROJECT_ROOT
from scaffold import beside, checks, databases

VERSIONS = PROJECT_ROOT / "alembic" / "versions"
_NO_VALUE = (
    "{0}.{1} may not be NULL, and the rows that are there have no value for it: give the model a `server_default` in "
    "`sa_column_kwargs`, or let it be NULL."
)
_RENAMED = (
    " If it is {1} by a new name, which models do not say, write that by hand: "
    '`.venv/bin/python -m alembic revision -m "…"`, with `op.alter_column("{0}", "{1}", new_column_name="{2}")`, and '
    '`op.execute("ALTER INDEX … RENAME TO …")` for each index with the old name in its own; in `downgrade` the other '
    "way round."
)
_NOTHING_NEW = (
    "The models are as the migrations make them: nothing was written. For SQL of your own: "
    '.venv/bin/python -m alembic revision -m "what it does"'
)


def write(message: str) -> Path | None:
    """The migration, which was applied, undone and applied again; None where the models need none.

    Raises CommandError, with nothing written, where a model cannot be migrated rightly, or its migration does not run.
    """
    with databases.throw_away() as url:
        settings, changed = databases.settings(url), checks.changes(url)
        if not _differs(settings) and not changed:
            return None
        path = made(settings, message, partial(_complete, changed))
        try:
            for step, target in ((command.upgrade, "head"), (command.downgrade, "-1"), (command.upgrade, "head")):
                step(settings, target)
            command.check(settings)
        except BaseException:
            path.unlink()
            raise
    return path


def made(settings: Config, message: str, turn: Callable[..., None] | None = None) -> Path:
    """A new migration from the models, without Alembic's invitation to adjust it. `turn` may change what it does.

    Raises CommandError, with nothing written, where its file would be another's.
    """
    before = {path: path.read_bytes() for path in VERSIONS.glob("*.py")}
    script = command.revision(settings, message, autogenerate=True, process_revision_directives=turn)
    assert isinstance(script, Script)
    path = Path(script.path)
    if path in before:
        path.write_bytes(before[path])
        raise CommandError(f"There is a migration {path.name} already: say what this one does.")
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^    # ###.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def _complete(changed: list[checks.Change], _context: Any, _revision: Any, directives: list[Any]) -> None:
    """Adds what Alembic does not see, and raises CommandError for what works on empty tables alone."""
    (script,) = directives
    for script_ops, changes in ((script.upgrade_ops, changed), (script.downgrade_ops, checks.turned(changed))):
        first, last = checks.operations(changes)
        script_ops.ops = [*first, *script_ops.ops, *last]
    for table in (one for one in script.upgrade_ops.ops if isinstance(one, ModifyTableOps)):
        for index in (one for one in table.ops if isinstance(one, CreateIndexOp)):
            index.if_not_exists = True  # it may have been built beforehand, while writes went on
        for column in (one.column for one in table.ops if isinstance(one, AddColumnOp)):
            if not column.nullable and column.server_default is None:
                raise CommandError(_no_value(table, column.name))


def _no_value(table: ModifyTableOps, column: str) -> str:
    """Why a column cannot be added, and what else it may be where another one goes."""
    gone = [one.column_name for one in table.ops if isinstance(one, DropColumnOp)]
    renamed = _RENAMED.format(table.table_name, gone[0], column) if gone else ""
    return _NO_VALUE.format(table.table_name, column) + renamed


def _differs(settings: Config) -> bool:
    """Whether the models differ from the tables."""
    try:
        command.check(settings)
    except CommandError as error:
        if type(error) is CommandError:  # a difference has a class of its own
            raise
        return True
    return False


def main() -> None:
    """The command. Exits with a sentence where it cannot be done."""
    parser = argparse.ArgumentParser(prog="make migration")
    parser.add_argument("message")
    message = parser.parse_args().message.strip()
    if not message:
        sys.exit('Say what it does: make migration m="labels have a color"')
    try:
        path = write(message)
    except CommandError as error:
        sys.exit(str(error))
    if path is None:
        sys.exit(_NOTHING_NEW)
    shown = path.relative_to(PROJECT_ROOT)
    for sentence in beside.sentences(path.read_text(encoding="utf-8")):
        sys.stdout.write(f"{sentence}\n")
    sys.stdout.write(f"{shown}\nIt was applied, undone and applied again, on empty tables. Read it: yours have rows.\n")


if __name__ == "__main__":
    main()
