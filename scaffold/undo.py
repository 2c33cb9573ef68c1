"""Leaves the project as it was where something fails half way."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a slice is in, and what is written anew for it.
KEPT = ("main.py", "README.md", "docs", "modules", "tests/modules", "alembic/versions")


@contextmanager
def undone_if_it_fails(root: Path) -> Iterator[None]:
    """What is below KEPT is as it was if anything is raised, an interrupt among them."""
    before = _files(root)
    try:
        yield
    except BaseException:
        now = _files(root)
        for path in now.keys() - before.keys():
            path.unlink()
        for path, content in before.items():
            if now.get(path) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        _remove_empty_folders(root)
        raise


def _files(root: Path) -> dict[Path, bytes]:
    starts = [root / name for name in KEPT]
    paths = [path for start in starts for path in ([start] if start.is_file() else start.rglob("*"))]
    return {path: path.read_bytes() for path in paths if path.is_file() and "__pycache__" not in path.parts}


def _remove_empty_folders(root: Path) -> None:
    """Folders of slices that have no file left, but what Python keeps for itself."""
    for folder in [*(root / "modules").glob("*/"), *(root / "tests" / "modules").glob("*/")]:
        if not [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]:
            shutil.rmtree(folder)
