"""Tables that are spread over servers by their owner (deploy/citus.sql): which are, and which were forgotten."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlmodel import SQLModel

from core.database.ownership import OWNER_COLUMN
from core.database.table_schema import SPREAD

# Each table that the engine knows, the column by whose value a row has its place (NULL where it has none), and the
# number that tables share whose rows of one value are on one server.
_SPREAD = """\
SELECT c.relname::text, CASE WHEN p.partkey IS NOT NULL
    THEN pg_catalog.column_to_column_name(p.logicalrelid, p.partkey)::text END, p.colocationid
FROM {spread} p JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{schema}'"""
# Whether there is such an engine. Only then does the text above name a table that is there.
ENGINE = f"SELECT pg_catalog.to_regclass('{SPREAD}') IS NOT NULL"
_LOCAL_ACCOUNTS = (
    "The tables are spread over servers, and local accounts cannot be: set AUTH_LOCAL_ACCOUNTS=false, and let people "
    "sign in at a Better Auth server (docs/scaling.md)."
)


def spread_sql(schema: str) -> str:
    """The text that gives what `complaint` and `new_tables` judge."""
    return _SPREAD.format(spread=SPREAD, schema=schema)


def complaint(schema: str, spread: Iterable[Sequence[Any]], there: Iterable[str], *, accounts: bool) -> str | None:
    """One sentence on what keeps the tables from being served, None where nothing does or they are on one server.

    `there` are the names of the tables that exist, `accounts` is whether local accounts are on.
    """
    found = list(spread)
    if accounts and _is_spread(found):
        return _LOCAL_ACCOUNTS
    if forgotten := new_tables(schema, found, there):
        return f"The tables are spread over servers, but for some that are owned as well. Run {' '.join(forgotten)}"
    return None


def new_tables(schema: str, spread: Iterable[Sequence[Any]], there: Iterable[str]) -> list[str]:
    """What spreads the owned tables that are not yet, as after a migration; nothing where all are on one server."""
    found, names = list(spread), set(there)
    return [sql for name, sql in _forgotten(schema, found) if name in names] if _is_spread(found) else []


def _is_spread(found: Iterable[Sequence[Any]]) -> bool:
    owners = _owners()
    return any(column is not None and owners.get(name) == column for name, column, _ in found)


def _forgotten(schema: str, found: Iterable[Sequence[Any]]) -> Iterator[tuple[str, str]]:
    """Each owned table that is not spread by its owner beside the others: the one that they refer to, or the first."""
    placed = {name: (column, place) for name, column, place in found}
    right = [name for name, owner in _owners().items() if placed.get(name, (None,))[0] == owner]
    tables = SQLModel.metadata.tables.values()
    referred = {key.column.table.name for table in tables for key in table.foreign_keys}
    first = next((name for name in right if name in referred), right[0])
    for name, owner in _owners().items():
        if placed.get(name) != (owner, placed[first][1]):
            beside = f"colocate_with => '{schema}.{first}'"
            yield name, f"SELECT create_distributed_table('{schema}.{name}', '{owner}', {beside});"


def _owners() -> dict[str, str]:
    """The owned tables with their owner's column, those first to which others refer."""
    tables = SQLModel.metadata.sorted_tables
    return {one.name: column.name for one in tables for column in one.columns if OWNER_COLUMN in column.info}
