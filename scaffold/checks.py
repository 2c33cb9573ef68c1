"""CHECK constraints whose models have changed: Alembic compares none, so they are compared as PostgreSQL has them."""

from collections.abc import Iterable
from dataclasses import dataclass

from alembic.operations.ops import ExecuteSQLOp
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from core.database import migrations
from core.database.queries import SCHEMA
from scaffold import databases

_FIND = f"""\
SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'c' AND connamespace = '{SCHEMA}'::regnamespace AND conrelid <> 0 ORDER BY 1, 2"""  # noqa: S608
Checks = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Change:
    """A constraint of a table that is there: as it is, and as the models have it; None where it is not."""

    table: str
    name: str
    old: str | None
    new: str | None


def changes(url: str) -> list[Change]:
    """What differs between the database at `url` and the models, of the tables that both have."""
    old = _found(url)
    with databases.beside(url) as other:
        engine = create_engine("postgresql+psycopg2://", creator=lambda: migrations.connect(other))
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
            connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}")
            SQLModel.metadata.create_all(connection)
        engine.dispose()
        new = _found(other)
    known = {table for table, _ in old}.intersection(table for table, _ in new)
    both = sorted(one for one in old.keys() | new.keys() if one[0] in known and old.get(one) != new.get(one))
    return [Change(*one, old.get(one), new.get(one)) for one in both]


def operations(changed: Iterable[Change]) -> tuple[list[ExecuteSQLOp], list[ExecuteSQLOp]]:
    """What removes the old ones, which goes first, and what adds the new ones, which comes last."""
    table = "ALTER TABLE {0.table}"
    removed = [f"{table} DROP CONSTRAINT {{0.name}}".format(one) for one in changed if one.old]
    added = [f"{table} ADD CONSTRAINT {{0.name}} {{0.new}}".format(one) for one in changed if one.new]
    return [ExecuteSQLOp(sql) for sql in removed], [ExecuteSQLOp(sql) for sql in added]


def turned(changed: Iterable[Change]) -> list[Change]:
    """The way back."""
    return [Change(one.table, one.name, one.new, one.old) for one in changed]


def _found(url: str) -> Checks:
    return {(table.removeprefix(f"{SCHEMA}."), name): text for table, name, text in databases.query(url, _FIND)}
