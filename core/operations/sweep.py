"""Removes what nobody's own later writes remove, of people who do not come back: for cron (`make sweep`)."""

import sys
from contextlib import closing

import psycopg2
from psycopg2.extensions import connection

from core.config import ConfigurationError, load_database_settings
from core.database import chosen, migrations, table_schema
from core.database.queries import SCHEMA

_KEYS = "DELETE FROM {schema}.idempotency_keys WHERE created_at < now() - interval '24 hours'"
# Notes for each owner up to which number deletions are forgotten, so that a cursor from before is 410 and not wrong.
_DELETIONS = """\
WITH forgotten AS (
    DELETE FROM {schema}.tombstones WHERE deleted_at < now() - interval '{days} days' RETURNING user_id, change
), newest AS (
    SELECT user_id, max(change) AS change FROM forgotten GROUP BY user_id
)
UPDATE {schema}.users SET forgotten = greatest(users.forgotten, newest.change)
FROM newest WHERE users.id = newest.user_id"""


def statements(schema: str = SCHEMA, days: int = 30) -> dict[str, str]:
    """By what each counts; `days` is the age in days that a deletion has at least. docs/operations.md shows them."""
    return {
        "idempotency keys removed": _KEYS.format(schema=schema),
        "users whose old deletions are forgotten": _DELETIONS.format(schema=schema, days=days),
    }


def main() -> None:
    """Says in one line for each statement how many rows it met, or exits with 1 and one sentence."""
    try:
        settings = load_database_settings()
        for what, count in sweep(chosen.url_of(settings), settings.deletions_kept_days).items():
            print(f"{what}: {count}")  # noqa: T201
    except (ConfigurationError, psycopg2.Error) as error:
        sys.exit(str(error).strip())


def sweep(url: str, days: int) -> dict[str, int]:
    """Runs each statement in a transaction of its own, and gives its count. Raises psycopg2.Error."""
    with closing(migrations.connect(url)) as session:
        with session, session.cursor() as sql:
            sql.execute(table_schema.FIND)
            schema = table_schema.in_use(name for (name,) in sql.fetchall())
        return {what: _rows(session, statement) for what, statement in statements(schema, days).items()}


def _rows(session: connection, statement: str) -> int:
    """Of how many rows the statement was, in its transaction."""
    with session, session.cursor() as sql:
        sql.execute(statement)
        return sql.rowcount


if __name__ == "__main__":
    main()
