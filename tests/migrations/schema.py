"""What a database holds, as plain values that can be compared."""

from typing import Any, Protocol

from core.database.queries import SCHEMA


class Queried(Protocol):
    """Whatever runs SQL."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows."""


# Every column, constraint and index of a schema, in words of PostgreSQL's own.
_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = '{schema}' ORDER BY table_name, column_name
"""
_CONSTRAINTS = """
    SELECT relname, conname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid
    WHERE connamespace = to_regnamespace('{schema}') AND contype <> 'n' ORDER BY 1, 2
"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY 1, 2"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"

Described = dict[str, list[tuple[Any, ...]]]


def describe(database: Queried, schema: str = SCHEMA) -> Described:
    """A whole schema but alembic's own table."""
    found = {"columns": _COLUMNS, "constraints": _CONSTRAINTS, "indexes": _INDEXES}
    return {
        # With such a path every name is written with its schema, whatever there is beside it.
        kind: [
            row
            for row in database.query(f"SET search_path = pg_catalog; {sql.format(schema=schema)}")
            if row[0] != "alembic_version"
        ]
        for kind, sql in found.items()
    }


def names(database: Queried) -> set[str]:
    """The names of all constraints and indexes of ours."""
    described = describe(database)
    return {row[1] for row in described["constraints"] + described["indexes"]}


def tables(database: Queried, schema: str = SCHEMA) -> set[str]:
    """The names of all tables."""
    return {row[0] for row in database.query(_TABLES.format(schema=schema))}
