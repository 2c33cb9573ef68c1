"""Removes what nobody's own later writes remove, of people who do not come back: for cron (`make sweep`)."""

import sys
from contextlib import closing
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import connection

from core.config import ConfigurationError, load_database_settings
from core.database import chosen, migrations, table_schema
from core.database.queries import SCHEMA
from core.settings_base import DatabaseSettings


class _Part(NamedTuple):
    """Which rows are old, what removes them, what goes before that where it is done for one owner, and whether the rows
    have owners."""

    old: str
    remove: str = "DELETE FROM {old}"
    before: str = ""
    owned: bool = True


# Notes for each owner up to which number deletions are forgotten, so that a cursor from before is 410 and not wrong.
_FORGET = """\
WITH forgotten AS (
    DELETE FROM {old} RETURNING user_id, change
), newest AS (
    SELECT user_id, max(change) AS change FROM forgotten GROUP BY user_id
)
UPDATE {schema}.users SET forgotten = greatest(users.forgotten, newest.change)
FROM newest WHERE users.id = newest.user_id"""
_PARTS = {
    "idempotency keys removed": _Part("{schema}.idempotency_keys WHERE created_at < now() - interval '24 hours'"),
    "users whose old deletions are forgotten": _Part(
        "{schema}.tombstones WHERE deleted_at < now() - interval '{days} days'",
        _FORGET,
        # In the order in which their own writes take them, or the two could wait for each other.
        "SELECT id FROM {schema}.users WHERE id = %(owner)s FOR NO KEY UPDATE; ",
    ),
    "expired sessions removed": _Part("{schema}.local_sessions WHERE expires_at < now()"),
    "settled throttles removed": _Part("{schema}.sign_in_throttles WHERE settled_at < now()", owned=False),
}
_ONE = " AND user_id = %(owner)s"


def statements() -> dict[str, str]:
    """By what each counts, as docs/operations.md shows them: in a new database, for who sets no DELETIONS_KEPT_DAYS."""
    days = DatabaseSettings.model_fields["deletions_kept_days"].default
    rows = {what: part.old.format(schema=SCHEMA, days=days) for what, part in _PARTS.items()}
    return {what: part.remove.format(schema=SCHEMA, old=rows[what]) for what, part in _PARTS.items()}


def main() -> None:
    """Says in one line for each statement how many rows it met, or exits with 1 and one sentence."""
    try:
        settings = load_database_settings()
        for what, count in sweep(chosen.url_of(settings), settings.deletions_kept_days).items():
            print(f"{what}: {count}")  # noqa: T201
    except (ConfigurationError, psycopg2.Error) as error:
        sys.exit(str(error).strip())


def sweep(url: str, days: int) -> dict[str, int]:
    """Does what the statements do, for one owner after the other and each in a transaction of its own: who writes
    meanwhile waits for the rows of nobody else. Gives the counts. Raises psycopg2.Error."""
    with closing(migrations.connect(url)) as session:
        with session, session.cursor() as sql:
            sql.execute(table_schema.FIND)
            schema = table_schema.in_use(name for (name,) in sql.fetchall())
        return {what: _swept(session, part, schema, days) for what, part in _PARTS.items()}


def _swept(session: connection, part: _Part, schema: str, days: int) -> int:
    """How many rows the statements of all owners met."""
    old = part.old.format(schema=schema, days=days)
    if not part.owned:
        return _rows(session, part.remove.format(old=old))
    with session, session.cursor() as sql:
        sql.execute(f"SELECT DISTINCT user_id FROM {old}")  # noqa: S608
        owners = sql.fetchall()
    statement = (part.before + part.remove).format(schema=schema, old=f"{old}{_ONE}")
    return sum(_rows(session, statement, owner) for (owner,) in owners)


def _rows(session: connection, statement: str, owner: str | None = None) -> int:
    """Of how many rows the statement was, in its transaction."""
    with session, session.cursor() as sql:
        sql.execute(statement, {"owner": owner})
        return sql.rowcount


if __name__ == "__main__":
    main()
