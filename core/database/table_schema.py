"""Which schema of the database our tables are in, and whether what stands there under their names is ours."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, MetaData, Select, Table, Text, select
from sqlmodel import SQLModel

from core.database.queries import FORMER_SCHEMA, SCHEMA, SCHEMAS, Compiled, Query
from core.database.statements import statement

T = TypeVar("T")

VERSIONS = Table("alembic_version", MetaData(), Column("version_num", Text))

# Constraints of the first migration that nobody else has. The catalogue tells them whatever a role may read, and waits
# for no lock; a row of alembic_version could be another application's, or of a revision that is newer than this code.
MARKS = ("ck_tasks_completed_at_with_status", "fk_idempotency_keys_user_id_users")
FIND = f"""\
SELECT DISTINCT n.nspname::text FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.conname IN ('{"', '".join(MARKS)}') AND n.nspname IN ('{"', '".join(SCHEMAS)}')"""  # noqa: S608
# Where Citus has its list of tables; nowhere else is a relation of that name in this schema.
SPREAD = "pg_catalog.pg_dist_partition"
# With the process that serves the session: where it is not the one that the login named, a pooler stands between. And
# whether an engine is there that can spread tables over servers.
LOOK = f"SELECT pg_catalog.pg_backend_pid(), ARRAY({FIND}), pg_catalog.to_regclass('{SPREAD}') IS NOT NULL"
# "on" on a standby, and where a server or a role is set to take none.
READ_ONLY = "SHOW transaction_read_only"
WHAT_TO_DO = '"One database for both" in docs/better-auth.md says what to do'
_RELATIONS = """\
SELECT c.relname::text, c.relkind::text, array(
    SELECT a.attname::text FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '{schema}' AND c.relname IN ('{names}') ORDER BY 1"""


def look() -> Query[tuple[int, list[str], bool]]:
    """Gives the server's process, each of SCHEMAS that holds our tables, and whether tables can be spread."""
    return of_catalogue(LOOK, tuple)


def in_use(found: Iterable[str]) -> str:
    """The schema to work in, of those that `look` gives: our own, unless our tables are in the former one alone."""
    return FORMER_SCHEMA if set(found) == {FORMER_SCHEMA} else SCHEMA


def relations(schema: str) -> Query[tuple[str, str, list[str]]]:
    """Gives name, kind (pg_class.relkind) and columns of all in `schema` that bears the name of a table of ours."""
    return of_catalogue(relations_sql(schema), tuple)


def relations_sql(schema: str) -> str:
    """The text of `relations`, for those who have a connection of their own."""
    names = "', '".join([*SQLModel.metadata.tables, VERSIONS.name])
    return _RELATIONS.format(schema=schema, names=names)


@statement
def revision() -> Select[str]:
    """The database's revision, as Alembic keeps it beside the tables."""
    return select(VERSIONS.c.version_num)


def foreign(schema: str, found: Iterable[Sequence[Any]], revision: str | None, head: str) -> str | None:
    """One sentence on what in `schema` is somebody else's, or None.

    `found` is what `relations` gives; `revision` is the database's, None where it was never migrated. Another one than
    `head` may rightly go with other columns, and a missing table is no foreign one: of both readiness tells.
    """
    ours = {name: set(table.columns.keys()) for name, table in SQLModel.metadata.tables.items()}
    found = [one for one in found if one[0] in ours]
    if revision not in (None, head):
        return None
    strange = [f"{schema}.{name}" for name, _, _ in found] if revision is None else _with_more(schema, found, ours)
    if not strange:
        return None
    return (
        f"The database has tables or columns that this application did not make, under the names of its own: "
        f"{', '.join(strange)}; {WHAT_TO_DO}."
    )


def _with_more(schema: str, found: Iterable[Sequence[Any]], ours: Mapping[str, set[str]]) -> list[str]:
    """Those that are no tables, or have columns that ours have not."""
    judged = [(name, kind, [one for one in columns if one not in ours[name]]) for name, kind, columns in found]
    return [
        f"{schema}.{name} ({', '.join(extra) or 'no table'})"
        for name, kind, extra in judged
        if extra or kind not in "rp"
    ]


def of_catalogue(sql: str, make: Callable[[Any], T]) -> Query[T]:
    """A query of PostgreSQL's own tables, which are the same whichever schema ours are in; `make` gets each row."""
    return Query(Compiled(dict.fromkeys(SCHEMAS, sql), (), {}, {}, make, owned=False, reads=True, name="catalogue"), {})
