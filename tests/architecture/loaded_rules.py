"""Rules that the loaded product is asked for: its tables and its wire. Run on a folder as a program of its own."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_origin

# Tables of a user's that are read before there is a principal; modules/auth/models.py says so.
READ_BEFORE_PRINCIPAL = {"local_accounts", "local_sessions"}
_OWNER_FIELDS = {"user_id", "owner", "owner_id", "id"}
_PREFIXES = {
    "PrimaryKeyConstraint": "pk",
    "ForeignKeyConstraint": "fk",
    "UniqueConstraint": "uq",
    "CheckConstraint": "ck",
    "Index": "ix",
}


def breaches(folder: Path) -> list[str]:
    """All breaches in the project in `folder`, loaded by a process that has neither settings nor a database."""
    done = subprocess.run(
        [sys.executable, "-P", __file__, folder], capture_output=True, text=True, check=False, env={}, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def _load(folder: Path, files: str) -> list[ModuleType]:
    """The modules whose files match."""
    paths = sorted(path.relative_to(folder).with_suffix("") for path in folder.glob(files))
    return [importlib.import_module(".".join(path.parts)) for path in paths if path.name != "__init__"]


def _tables(folder: Path) -> Iterator[str]:
    _load(folder, "core/**/*.py")
    _load(folder, "modules/*/models.py")
    metadata = importlib.import_module("sqlmodel").SQLModel.metadata
    for table in metadata.sorted_tables:
        yield from _names(table)
        yield from _ownership(table)
        yield from _silent_deletions(table)
    yield from importlib.import_module("core.database.column_rules").complaints()


def _names(table: Any) -> Iterator[str]:
    """Every constraint and index has the name that migrations and error handling rely on."""
    for item in [*table.constraints, *table.indexes]:
        kind = _PREFIXES[next(base.__name__ for base in type(item).__mro__ if base.__name__ in _PREFIXES)]
        pattern = f"{kind}_{table.name}" if kind == "pk" else rf"{kind}_{table.name}_\w+"
        if not re.fullmatch(pattern, str(item.name)):
            yield f"{table.name}: {kind} is named {item.name}"


def _ownership(table: Any) -> Iterator[str]:
    """The key begins with the owner, and goes with them; a table that refers to a user is owned."""
    owner_column = importlib.import_module("core.database.ownership").OWNER_COLUMN
    to_users = [key for key in table.foreign_key_constraints if key.referred_table.name == "users"]
    owners = [column for column in table.columns if owner_column in column.info]
    for key in to_users:
        if key.ondelete != "CASCADE":
            yield f"{table.name}: {key.name} has no ON DELETE CASCADE"
    if (to_users or "user_id" in table.columns) and not owners and table.name not in READ_BEFORE_PRINCIPAL:
        yield f"{table.name}: refers to a user and has no owner"
    for column in owners:
        if next(iter(table.primary_key.columns), None) is not column:
            yield f"{table.name}: the primary key does not start with the owner"
        # A user and their tombstone own themselves.
        if column.name != "id" and [key.name for key in to_users] != [f"fk_{table.name}_user_id_users"]:
            yield f"{table.name}: the owner's foreign key is not fk_{table.name}_user_id_users"


def _silent_deletions(table: Any) -> Iterator[str]:
    """Of a table whose changes are told PostgreSQL removes nothing, and writes nothing, by itself but with the user."""
    for key in table.foreign_key_constraints:
        if "change" in table.columns and key.referred_table.name != "users" and key.ondelete:
            yield (
                f"{table.name}: {key.name} is ON DELETE {key.ondelete}, and the feed of changes would not tell: remove "
                "the rows in the repository first, in one transaction (`_together`)"
            )


def _wire(folder: Path) -> Iterator[str]:
    """Tables and wire classes are strangers; input rejects what it does not know, and names no owner."""
    schemas = importlib.import_module("core.resources.schemas")
    table_base = importlib.import_module("sqlmodel").SQLModel
    for module in _load(folder, "modules/*/models.py"):
        for name, found in _classes(module):
            if issubclass(found, schemas.InputModel | schemas.OutputModel):
                yield f"{name}: a wire class among the tables"
    for module in _load(folder, "modules/*/schemas.py"):
        for name, found in _classes(module):
            if issubclass(found, table_base):
                yield f"{name}: a table on the wire"
            elif hasattr(found, "model_fields"):
                yield from _schema(name, found, schemas)


def _schema(name: str, found: Any, schemas: ModuleType) -> Iterator[str]:
    if not issubclass(found, schemas.InputModel | schemas.OutputModel):
        yield f"{name}: neither an InputModel nor an OutputModel"
    if not issubclass(found, schemas.OutputModel) and found.model_config.get("extra") != "forbid":
        yield f"{name}: takes unknown fields"
    if not issubclass(found, schemas.OutputModel):
        # A list of ids chooses rows; one id would be the client's word for which row it is.
        chosen = {one for one, info in found.model_fields.items() if get_origin(info.annotation) is list}
        for field in sorted(_OWNER_FIELDS & set(found.model_fields) - chosen):
            yield f"{name}: takes `{field}`"


def _classes(module: ModuleType) -> Iterator[tuple[str, type[Any]]]:
    """The classes that the module itself defines."""
    for name, found in inspect.getmembers(module, inspect.isclass):
        if found.__module__ == module.__name__:
            yield f"{module.__name__}.{name}", found


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.path.insert(0, str(root))
    sys.stdout.write(json.dumps([*_tables(root), *_wire(root)]))
