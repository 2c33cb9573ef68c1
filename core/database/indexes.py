"""The indexes of our tables that a database has not, or not whole: what they serve is slow then, and no error."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, Index
from sqlmodel import SQLModel

from core.database.queries import Query
from core.database.table_schema import of_catalogue

# One whose build was broken off is there, and is not valid.
_MISSING = """\
SELECT wanted.name FROM (VALUES {wanted}) AS wanted (name) WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = '{schema}' AND c.relname = wanted.name AND i.indisvalid
) ORDER BY 1"""


def missing(schema: str) -> Query[str]:
    """Gives the names of those that the models declare and that cannot be used. Of the newest revision alone."""
    wanted = ", ".join(f"('{index.name}')" for index in _declared())
    return of_catalogue(_MISSING.format(schema=schema, wanted=wanted), itemgetter(0))


def told(schema: str, names: Sequence[str]) -> str:
    """What makes those that `missing` gave, in one line."""
    made = "; ".join(_made(schema, index) for index in _declared() if index.name in names)
    return f"without {', '.join(names)}, statements are slow; as the tables' owner, run one at a time: {made}"


def _made(schema: str, index: Index) -> str:
    """While writes go on."""
    rendered: dict[str, Any] = {"schema_translate_map": {None: schema}, "render_schema_translate": True}
    sql = str(CreateIndex(index).compile(dialect=postgresql.dialect(), **rendered))  # type: ignore[no-untyped-call]
    return f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{index.name}; {sql.replace(' INDEX', ' INDEX CONCURRENTLY', 1)}"


def _declared() -> list[Index]:
    found = [index for table in SQLModel.metadata.tables.values() for index in table.indexes]
    return sorted(found, key=lambda index: str(index.name))
