"""What a mistake in the example costs: it does not compile."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.better_auth.servers import install
from tests.conftest import project_root
from tests.web.site import EXAMPLE

# What is replaced by what in which file, and what the compiler says.
MISTAKES = {
    "a deleted case": ("lists.ts", '    case "delete":\n      return null;\n', "", "TS2366"),
    "a misspelt code": ("words.ts", 'case "not_found"', 'case "not_fuond"', "TS2678"),
    "no cursor as null": ("lists.ts", "cursor === null ? { include", "cursor !== null ? { include", "TS2322"),
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example at its place beside the client, with whose sources it is compiled."""
    install(EXAMPLE)
    root = tmp_path_factory.mktemp("types")
    (root / "clients").symlink_to(project_root() / "clients")
    folder = root / "examples" / "web"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (folder / "node_modules").symlink_to(EXAMPLE / "node_modules")
    return folder


def _errors(folder: Path) -> list[tuple[str, str]]:
    """File and code of each."""
    command = ["node", "node_modules/typescript/bin/tsc", "--preserveSymlinks"]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
    found = re.findall(r"^([^(\s]+)\(\d+,\d+\): error (TS\d+): ", done.stdout, re.MULTILINE)
    assert bool(found) == bool(done.returncode), done.stdout + done.stderr
    return found


def test_it_compiles_strictly(copied: Path) -> None:
    assert _errors(copied) == []


def test_a_mistake_does_not_compile(copied: Path) -> None:
    """All of them at once, as the compiler takes its time."""
    for name, right, wrong, _ in MISTAKES.values():
        source = copied / "src" / name
        text = source.read_text(encoding="utf-8")
        assert text.count(right) == 1
        source.write_text(text.replace(right, wrong), encoding="utf-8")
    found = _errors(copied)
    assert {what for what, (name, _, _, code) in MISTAKES.items() if (f"src/{name}", code) in found} == set(MISTAKES)
