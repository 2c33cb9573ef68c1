"""What PostgreSQL is told of owned tables: to plan for an owner of many rows, whatever most of them have."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlmodel import SQLModel

from core.database.ownership import OWNER_COLUMN

# So many rows an owner is thought to have whom the statistics do not name: more than a page, as who has fewer is served
# well by any plan. Of what most have PostgreSQL would make that a page is sorted out of all rows, and of one row each
# that any index is as good as the key: then the deletion of an account with links read all links for each row.
ROWS = 200

_COLUMNS = """\
SELECT c.relname::text, a.attname::text, c.reltuples > 0
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace('{schema}') AND c.relkind = 'r' AND a.attoptions IS NULL
    AND pg_catalog.pg_has_role(c.relowner, 'USAGE')"""


def columns_sql(schema: str) -> str:
    """The text that gives what `statements` judges: columns of which nothing is told yet, of tables that are the role's
    own, each with its table, and whether that was analysed with rows in it."""
    return _COLUMNS.format(schema=schema)


def statements(schema: str, untold: Iterable[Sequence[Any]]) -> Iterator[str]:
    """What tells it. That counts from the next ANALYZE on: for a new table it is PostgreSQL's own, which waits for
    rows."""
    owners = set(_owners())
    for table, column, analysed in untold:
        if (table, column) in owners:
            yield f"ALTER TABLE {schema}.{table} ALTER COLUMN {column} SET (n_distinct = {-1 / ROWS})"
            if analysed:
                yield f"ANALYZE {schema}.{table} ({column})"


def _owners() -> Iterator[tuple[str, str]]:
    """The owned tables that may have several rows of an owner, and the owner's column."""
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if OWNER_COLUMN in column.info and list(table.primary_key) != [column]:
                yield table.name, column.name
