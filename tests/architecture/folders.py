"""Copies of the product to plant a breach in, and how it is planted."""

import shutil
from pathlib import Path

from tests.conftest import project_root

# What the rules are about: the product without its tests.
PRODUCT = ("core", "modules", "main.py", "pyproject.toml")


def copy_product(folder: Path) -> Path:
    """Copies the product into `folder` and gives the folder."""
    for name in PRODUCT:
        source = project_root() / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy(source, folder / name)
    return folder


def plant(folder: Path, path: str, text: str) -> None:
    """Adds lines at the end of a file, which is made if it is not there."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text + "\n")


def replace(folder: Path, path: str, old: str, new: str) -> None:
    """Replaces the one occurrence of `old`; a breach that cannot be planted is no test."""
    file = folder / path
    source = file.read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{path} has {source.count(old)} times {old!r}"
    file.write_text(source.replace(old, new), encoding="utf-8")
