"""The statement that gives all rows of one person, as docs/operations.md has it: each table with an owner is in it."""

from collections.abc import Iterator

from sqlalchemy import LargeBinary, Table
from sqlmodel import SQLModel

from core.database.queries import SCHEMA

# Of whom the tables of users tell under a name of their own.
_ID = {"users": "id", "deleted_users": "id"}


def export() -> str:
    """One row of one JSON object, with a member for each table. `:'id'` is psql's."""
    members = ",\n".join(_members())
    return f"SELECT jsonb_pretty(jsonb_build_object(\n{members}\n));"


def _members() -> Iterator[str]:
    for name, table in sorted(SQLModel.metadata.tables.items()):
        if column := _ID.get(name) or ("user_id" if "user_id" in table.columns else None):
            rows = f"SELECT jsonb_agg({_row(table)}) FROM {SCHEMA}.{name} AS t WHERE {column} = :'id'"
            yield f"    '{name}', ({rows})"


def _row(table: Table) -> str:
    """Without hashes, which tell nobody anything but whoever guesses."""
    hidden = [one.name for one in table.columns if isinstance(one.type, LargeBinary) or one.name.endswith("_hash")]
    return f"to_jsonb(t) - '{{{','.join(hidden)}}}'::text[]" if hidden else "to_jsonb(t)"
