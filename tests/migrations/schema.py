"""What a database holds, as plain values that can be compared."""

from typing import Any, Protocol


class Queried(Protocol):
    """Whatever runs SQL."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows."""


# Every column, constraint and index of the schema, in words of PostgreSQL's own.
_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, column_name
"""
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2
"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"


def describe(database: Queried) -> dict[str, list[tuple[Any, ...]]]:
    """The whole schema but alembic's own table."""
    found = {"columns": _COLUMNS, "constraints": _CONSTRAINTS, "indexes": _INDEXES}
    return {kind: [row for row in database.query(sql) if row[0] != "alembic_version"] for kind, sql in found.items()}


def names(database: Queried) -> set[str]:
    """The names of all constraints and indexes."""
    described = describe(database)
    return {row[1] for row in described["constraints"] + described["indexes"]}


def tables(database: Queried) -> set[str]:
    """The names of all tables."""
    return {row[0] for row in database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
