"""Columns that migrations of this code have made: ours, whether or not a model has them still, or already."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from core.config import PROJECT_ROOT


def made_here(table: str, column: str) -> bool:
    """Whether a migration has an operation that names both, as an expanding one does before any model has the column,
    and until a contracting one drops it after the last has lost it."""
    folder = PROJECT_ROOT / "alembic" / "versions"
    return any({table, column} <= words for file in sorted(folder.glob("*.py")) for words in _operations(file))


def _operations(file: Path) -> Iterator[set[str]]:
    """Of each call of Alembic's `op` in the file, the words of all its texts: names, and SQL."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("op."):
            texts = [
                one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            # `users.id` refers to a table, and does not change it.
            yield set(re.findall(r"[\w.]+", " ".join(texts)))
