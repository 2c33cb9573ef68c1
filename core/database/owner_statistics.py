"""What PostgreSQL is told of owned tables: to plan for an owner of many rows, whatever most of them have."""

from collections.abc import Iterator

from sqlalchemy import Connection
from sqlmodel import SQLModel

from core.database import distribution
from core.database.ownership import OWNER_COLUMN

# So many rows an owner is thought to have whom the statistics do not name: more than a page, as who has fewer is served
# well by any plan. Where most have one, any index of the owner's rows would be as good as the key: then the deletion of
# an account with links read all links for each row.
ROWS = 200

# Columns of the role's own tables of which nothing is told, each with its table, and whether that has been analysed
# with rows in it.
_COLUMNS = """\
SELECT c.relname::text, a.attname::text, c.reltuples > 0
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace('{schema}') AND c.relkind = 'r' AND a.attoptions IS NULL
    AND pg_catalog.pg_has_role(c.relowner, 'USAGE')"""


def tell(connection: Connection, schema: str) -> None:
    """Of the tables that it was not told of yet. An engine that spreads rows over servers cannot be told."""
    if connection.exec_driver_sql(distribution.ENGINE).scalar():
        return
    owners = set(_owners())
    for table, column, analysed in connection.exec_driver_sql(_COLUMNS.format(schema=schema)).all():
        if (table, column) in owners:
            number = f"ALTER COLUMN {column} SET (n_distinct = {-1 / ROWS})"
            connection.exec_driver_sql(f"ALTER TABLE {schema}.{table} {number}")
            # From then on it counts. That of a new table is PostgreSQL's own, which waits for rows.
            if analysed:
                connection.exec_driver_sql(f"ANALYZE {schema}.{table} ({column})")


def _owners() -> Iterator[tuple[str, str]]:
    """The owned tables that may have several rows of an owner, and the owner's column."""
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if OWNER_COLUMN in column.info and list(table.primary_key) != [column]:
                yield table.name, column.name
