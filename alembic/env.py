"""Alembic's environment: finds every slice's tables by itself, and leaves tables alone that are not ours."""

import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg2
import structlog
from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, pool
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlmodel import SQLModel

from core import config, logging
from core.database import column_rules, distribution, errors, migrations, owner_statistics, table_schema

# With the pauses between, half a minute.
TRIES = 12
_OR = "or `make migration m=…`, which needs no database."
_NO_ENV_FILE = (
    "There is no .env yet: `make .env` writes one. "
    "`make migration m=…` makes a migration without settings and without a database."
)


_DOCTOR = "`make doctor`, or `.venv/bin/python -m core.operations.doctor`, says what to set"
_ROWS = (
    "rows that are there do not fit. Write into the migration, before that, what brings them in line, as by "
    """op.execute(rows_changed("labels", "color = ''", "color IS NULL")), from core.resources.changes. It was undone."""
)
_HELD = (
    "Another session holds a lock that the migration needs. Nothing was changed. "
    'docs/operations.md, "Who holds a lock", finds the session; then run this again.'
)
_ANOTHER_BRANCH = (
    "If it is of another branch of yours: `alembic downgrade` there, or, if nothing in it is needed, remove .data."
)


def _ours(name: str | None, kind: str, _: Any) -> bool:
    """Better Auth and others may share the database: only tables that a slice declares are looked at."""
    return kind != "table" or name in SQLModel.metadata.tables


def _url() -> str:
    if url := context.config.attributes.get("url"):
        return str(url)
    try:
        return migrations.url_of_settings()
    except config.ConfigurationError as error:
        # As main.py does; Alembic's own errors go to standard output, broken into lines.
        is_at_a_desk = os.environ.get("APP_ENV") != "production" and not (config.PROJECT_ROOT / ".env").exists()
        sys.exit(f"{error}\n{_NO_ENV_FILE}" if is_at_a_desk else str(error))


def _migrate() -> None:
    """Tries again where a lock could not be had: whoever waits for one keeps all requests behind it waiting."""
    url = _url()
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: migrations.connect(url), poolclass=pool.NullPool, hide_parameters=True
    )
    for tries_left in reversed(range(TRIES)):
        try:
            _try(engine)
        except OperationalError as error:
            if error.statement is None and isinstance(error.orig, psycopg2.Error):  # it could not connect
                away = errors.translate(error.orig, connecting=True)
                raise CommandError(f"{away} ({_DOCTOR})") from None
            if getattr(error.orig, "pgcode", None) != errors.LOCK_NOT_AVAILABLE:
                raise
            if not tries_left:
                raise CommandError(_HELD) from None
            context.config.print_stdout("A lock is held by others. Tries left: %d", tries_left)
            time.sleep(random.uniform(1, 2))  # noqa: S311
        except IntegrityError as error:  # without its detail, which holds what is in a row
            told = cast(psycopg2.Error, error.orig).diag.message_primary
            raise CommandError(f"{told}: {_ROWS}") from None
        except ProgrammingError as error:
            rejection = migrations.rejection(error.orig)
            if rejection is None:
                raise
            raise CommandError(rejection) from None
        else:
            return


def _try(engine: Engine) -> None:
    with engine.connect() as connection:
        with _alone(connection):
            schema, before, after = _run(connection)
        if before != after and context.config.cmd_opts is not None:  # from a command line, or a job
            _log_migrated(before, after)
        if schema:
            with _alone(connection):  # by itself, as ANALYZE takes its time and writes would wait for it
                owner_statistics.tell(connection, schema)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """A transaction, while nobody else migrates."""
    with connection.begin():
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{migrations.LOCK_TIMEOUT}'")
        connection.exec_driver_sql(migrations.ONE_AT_A_TIME)
        yield


def _run(connection: Connection) -> tuple[str | None, Sequence[str], Sequence[str]]:
    """The schema, unless nothing may be changed there, and its revisions before and after."""
    found = connection.exec_driver_sql(table_schema.FIND)
    schema = table_schema.in_use(name for (name,) in found)
    # The migrations name no schema: so they do the same in either, and reach nobody else's.
    connection.exec_driver_sql(f"SET LOCAL search_path = {schema}")
    context.configure(
        connection=connection,
        version_table_schema=schema,
        target_metadata=SQLModel.metadata,
        include_name=_ours,
        compare_type=True,
        compare_server_default=True,
    )
    if _is_newer():
        return None, (), ()
    # Those who only look (check, current, a new revision) have none.
    options = context.get_context().opts
    changes, compares = "destination_rev" in options, "revision_context" in options
    is_new = bool(connection.exec_driver_sql(f"SELECT to_regnamespace('{schema}') IS NULL").scalar())
    if changes or compares:
        _reject_several_heads()
    if compares:
        _reject_comparison(is_new=is_new)
    if is_new and changes:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    before = context.get_context().get_current_heads()
    context.run_migrations()
    if changes:
        _spread_new_tables(connection, schema)
    if changes and not context.config.attributes.get("all_ours"):
        _reject_foreign_columns(connection, schema)
    return schema if changes else None, before, context.get_context().get_current_heads()


def _spread_new_tables(connection: Connection, schema: str) -> None:
    """Where the owned tables are spread over servers, those that a migration has made are as well."""
    if not connection.exec_driver_sql(distribution.ENGINE).scalar():
        return
    spread = connection.exec_driver_sql(distribution.spread_sql(schema)).all()
    there = [name for name, *_ in connection.exec_driver_sql(table_schema.relations_sql(schema))]
    for sql in distribution.new_tables(schema, spread, there):
        connection.exec_driver_sql(sql)


def _log_migrated(before: Sequence[str], after: Sequence[str]) -> None:
    settings = config.load_database_settings()
    logging.configure(settings.log_level, settings.app_env, settings.log_format)
    fields = {"todo_api.revision.from": ", ".join(before) or None, "todo_api.revision.to": ", ".join(after) or None}
    structlog.get_logger("alembic").info("migrated", **fields)


def _reject_several_heads() -> None:
    """Alembic's own sentence says to upgrade to `heads`, which nothing here could serve."""
    try:
        migrations.head()
    except config.ConfigurationError as error:
        raise CommandError(str(error)) from None


def _reject_comparison(*, is_new: bool) -> None:
    """Models are compared with a database at head, and only those that can be migrated rightly."""
    if wrong := list(column_rules.complaints()):
        raise CommandError("\n".join(wrong))
    if is_new:
        raise CommandError(f"The database has no tables yet: run `alembic upgrade head` first, {_OR}")
    if context.get_context().get_current_heads() != (migrations.head(),):
        raise CommandError(f"The database is not at the newest migration: run `alembic upgrade head` first, {_OR}")


def _reject_foreign_columns(connection: Connection, schema: str) -> None:
    heads = context.get_context().get_current_heads()
    found = connection.exec_driver_sql(table_schema.relations_sql(schema)).all()
    if heads and (rejection := table_schema.foreign(schema, found, heads[0], migrations.head())):
        raise CommandError(rejection)


def _is_newer() -> bool:
    """Whether an upgrade has nothing to do, because newer code has been here. Any other command is rejected then."""
    heads = set(context.get_context().get_current_heads())
    unknown = heads - migrations.known()
    if not unknown:
        return False
    told = f"The database has revision {', '.join(unknown)}, which this code does not know: it is newer than the code."
    # Beside one of ours it is another application's, and nothing says whether ours is to be upgraded.
    if heads == unknown and getattr(context.get_context().opts.get("fn"), "__name__", None) == "upgrade":
        at_a_desk = config.load_database_settings().app_env == "development"
        context.config.print_stdout(f"{told} Nothing was changed. {_ANOTHER_BRANCH if at_a_desk else ''}".rstrip())
        return True
    raise CommandError(f"{told} Use the code that it was migrated with. Nothing was changed.")


migrations.load_models()
_migrate()
