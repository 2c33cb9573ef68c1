"""A `.env` that cannot be used stops every command that reads it: one sentence, and no traceback."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import ConfigurationError, load_settings
from tests.end_to_end.project import Project

SECRET = "2f7c1e9b5a8d4036b1c7e2f9a4d80563"
TEXT = f"# Schlüssel\nBETTER_AUTH_SECRET={SECRET}\n"
COMMANDS = (("main.py",), ("-m", "alembic", "upgrade", "head"), ("-m", "core.database.move_schema"))
NOT_UTF8 = "is not UTF-8: save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8)."
# Root reads everything, unless it gives that up.
AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def _unreadable(file: Path) -> None:
    file.write_text(TEXT)
    file.chmod(0o000)


def _written(text: str, encoding: str) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(text.encode(encoding))


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_written(TEXT, "utf-16"), NOT_UTF8),
        (_written(TEXT, "utf-16-be"), NOT_UTF8),
        (_written(f"BETTER_AUTH_SECRET={SECRET}\n", "utf-16-le"), NOT_UTF8),
        (_written(TEXT, "latin-1"), NOT_UTF8),
        (Path.mkdir, "cannot be read: Is a directory."),
        (lambda file: file.symlink_to(file), "cannot be read: Too many levels of symbolic links."),
    ],
    ids=["utf-16", "utf-16 without its mark", "utf-16 of plain words", "latin-1", "directory", "loop"],
)
def test_what_is_wrong_with_it_is_said_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], object], problem: str
) -> None:
    file = tmp_path / ".env"
    make(file)
    with pytest.raises(ConfigurationError) as found:
        load_settings(file)
    assert str(found.value) == f"{file} {problem}"


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_says_it_and_ends(project: Project, command: tuple[str, ...]) -> None:
    file = project.folder / ".env"
    _written(TEXT, "utf-16")(file)
    done = project.run(sys.executable, *command)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{file} {NOT_UTF8}\n")


def test_one_that_may_not_be_read_is_said_too(project: Project) -> None:
    file = project.folder / ".env"
    _unreadable(file)
    if AS_ANYBODY:
        if shutil.which(AS_ANYBODY[0]) is None:
            pytest.skip("setpriv is not installed here")
        project.user = AS_ANYBODY
    done = project.run(sys.executable, "main.py")
    assert (done.returncode, done.stderr) == (1, f"{file} cannot be read: Permission denied.\n")
