"""`make migration`: writes the migration that brings tables to what the models say, made on a database of its own."""

import argparse
import re
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script
from alembic.util import CommandError

from core.config import PROJECT_ROOT
from core.database import migrations
from scaffold import databases

_NOTHING_NEW = (
    "The models are as the migrations make them: nothing was written. For SQL of your own: "
    '.venv/bin/python -m alembic revision -m "what it does"'
)


def write(message: str) -> Path | None:
    """The migration, which was applied, undone and applied again; None where the models need none.

    Raises CommandError, with nothing written, where a model cannot be migrated rightly, or its migration does not run.
    """
    with databases.throw_away() as url:
        settings = migrations.configuration(url)
        settings.stdout = StringIO()
        if not _differs(settings):
            return None
        path = made(settings, message)
        try:
            for step, target in ((command.upgrade, "head"), (command.downgrade, "-1"), (command.upgrade, "head")):
                step(settings, target)
            command.check(settings)
        except BaseException:
            path.unlink()
            raise
    return path


def made(settings: Config, message: str, turn: Callable[..., None] | None = None) -> Path:
    """A new migration from the models, without Alembic's invitation to adjust it. `turn` may change what it does."""
    script = command.revision(settings, message, autogenerate=True, process_revision_directives=turn)
    assert isinstance(script, Script)
    path = Path(script.path)
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^    # ###.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    return path


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
    sys.stdout.write(f"{shown}\nIt was applied, undone and applied again, on empty tables. Read it: yours have rows.\n")


if __name__ == "__main__":
    main()
