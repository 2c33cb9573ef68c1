"""Moves the tables from the schema public to one of their own, while the API runs (`make move-schema`)."""

import random
import sys
import time
from collections.abc import Sequence
from typing import Any

import psycopg2
from psycopg2.extensions import connection, cursor
from sqlmodel import SQLModel

from core.config import ConfigurationError
from core.database import errors, migrations, table_schema
from core.database.queries import FORMER_SCHEMA, SCHEMA

# Also what a deadlock with a request costs, which either may lose: lock or statement timeout, deadlock.
IN_USE = {errors.LOCK_NOT_AVAILABLE, "57014", "40P01"}
# With the pauses between, half a minute.
TRIES = 12


class RejectedError(Exception):
    """Nothing was moved; the message says why and what to do."""


def main() -> None:
    """Says in one sentence what was done, or exits with 1 and one that says why nothing was."""
    try:
        print(move(migrations.url_of_settings()))  # noqa: T201
    except (RejectedError, ConfigurationError) as rejected:
        sys.exit(str(rejected))
    except psycopg2.Error as error:
        sys.exit(migrations.rejection(error) or f"{str(error).strip()}\nNothing was moved.")


def move(url: str) -> str:
    """Moves all tables or none, and says what was done. Raises RejectedError, psycopg2.Error."""
    migrations.load_models()
    session = migrations.connect(url)
    try:
        tries_left = TRIES
        while True:
            tries_left -= 1
            try:
                return _try(session)
            except psycopg2.Error as error:
                if not tries_left or error.pgcode not in IN_USE:
                    raise
            print(f"The tables are in use. Tries left: {tries_left}", file=sys.stderr)  # noqa: T201
            time.sleep(random.uniform(1, 2))  # noqa: S311
    finally:
        session.close()


def _try(session: connection) -> str:
    with session, session.cursor() as sql:
        # No migration meanwhile; then for the locks of all tables at once.
        sql.execute(f"SET LOCAL lock_timeout = '{migrations.LOCK_TIMEOUT}'; {migrations.ONE_AT_A_TIME}")
        found = {name for (name,) in _rows(sql, table_schema.FIND)}
        if FORMER_SCHEMA not in found:
            return f"There is nothing to move: the tables are in the schema {SCHEMA} already, or nowhere yet."
        _require_movable(sql)
        _move(sql)
    return f"The tables are in the schema {SCHEMA} now."


def _require_movable(sql: cursor) -> None:
    """Raises RejectedError where the way is not clear, or what would be moved is not exactly ours."""
    if there := _rows(sql, table_schema.relations_sql(SCHEMA)):
        names = ", ".join(f"{SCHEMA}.{name}" for name, *_ in there)
        raise RejectedError(f"There is already {names}: rename or drop what is there. Nothing was moved.")
    ours = set(_versions(sql)) & migrations.known()
    if ours != {migrations.head()}:
        raise RejectedError(
            f"The tables in {FORMER_SCHEMA} are not at the revision that this code knows as the newest: "
            "migrate first, by `alembic upgrade head` of the newest code. Nothing was moved."
        )
    relations = _rows(sql, table_schema.relations_sql(FORMER_SCHEMA))
    if foreign := table_schema.foreign(FORMER_SCHEMA, relations, migrations.head(), migrations.head()):
        raise RejectedError(f"{foreign} Nothing was moved.")


def _move(sql: cursor) -> None:
    # As a request that writes takes them, the key first and the user last; only one that deletes a user goes the other
    # way, and may meet this one in a deadlock.
    tables = SQLModel.metadata.tables.values()
    names = [table.name for table in sorted(tables, key=lambda table: (not table.foreign_keys, table.name))]
    ours_alone = set(_versions(sql)) == {migrations.head()}
    if ours_alone:
        names.append(table_schema.VERSIONS.name)
    locked = ", ".join(f"{FORMER_SCHEMA}.{name}" for name in names)
    sql.execute(f"SET LOCAL statement_timeout = '{migrations.LOCK_TIMEOUT}'")  # for all of these locks together
    sql.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
    sql.execute(f"SET LOCAL statement_timeout = 0; SELECT to_regnamespace('{SCHEMA}') IS NULL")
    if sql.fetchall() == [(True,)]:
        sql.execute(f"CREATE SCHEMA {SCHEMA}")
    for (role,) in _rows(sql, _ROLES):
        sql.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}")
    for name in names:
        sql.execute(f"ALTER TABLE {FORMER_SCHEMA}.{name} SET SCHEMA {SCHEMA}")
    if not ours_alone:
        sql.execute(_OWN_VERSION, {"head": migrations.head()})


_VERSIONS = f"SELECT version_num FROM {FORMER_SCHEMA}.alembic_version"  # noqa: S608
# Who may use the tables may use the schema: a role of the API's own, say.
_ROLES = f"""
SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
FROM pg_catalog.pg_class, aclexplode(relacl)
WHERE oid = '{FORMER_SCHEMA}.tasks'::regclass AND grantee <> relowner"""  # noqa: S608
_OWN_VERSION = f"""
CREATE TABLE {SCHEMA}.alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO {SCHEMA}.alembic_version VALUES (%(head)s);
DELETE FROM {FORMER_SCHEMA}.alembic_version WHERE version_num = %(head)s"""  # noqa: S608


def _versions(sql: cursor) -> list[str]:
    return [revision for (revision,) in _rows(sql, _VERSIONS)]


def _rows(sql: cursor, text: str) -> Sequence[Any]:
    sql.execute(text)
    return sql.fetchall()


if __name__ == "__main__":
    main()
