"""Alembic's environment: finds every slice's tables by itself, and leaves tables alone that are not ours."""

import importlib
import random
import time
from pathlib import Path
from typing import Any

import psycopg2
from alembic import context
from alembic.util import CommandError
from psycopg2.extensions import parse_dsn
from sqlalchemy import Engine, create_engine, pool
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from core import config, embedded_postgres, migrations
from core.config import PROJECT_ROOT

LOCK_TIMEOUT = "1s"
LOCK_NOT_AVAILABLE = "55P03"
# With the pauses between, half a minute.
TRIES = 12


def _load_models() -> None:
    importlib.import_module("core.idempotency")
    for path in sorted(Path(PROJECT_ROOT, "modules").glob("*/models.py")):
        importlib.import_module(f"modules.{path.parent.name}.models")


def _ours(name: str | None, kind: str, _: Any) -> bool:
    """Better Auth and others may share the database: only tables that a slice declares are looked at."""
    return kind != "table" or name in SQLModel.metadata.tables


def _url() -> str:
    if url := context.config.attributes.get("url"):
        return str(url)
    try:
        settings = config.load_settings()
        default = "" if settings.database_url else embedded_postgres.start().get_uri()
        return migrations.migration_url(settings, default)
    except config.ConfigurationError as error:
        raise CommandError(str(error)) from None


def _migrate() -> None:
    """Tries again where a lock could not be had: whoever waits for one keeps all requests behind it waiting."""
    url = _url()
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: _connect(url), poolclass=pool.NullPool, hide_parameters=True
    )
    for tries_left in reversed(range(TRIES)):
        try:
            _try(engine)
        except OperationalError as error:
            if not tries_left or getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise
            context.config.print_stdout("A lock is held by others. Tries left: %d", tries_left)
            time.sleep(random.uniform(1, 2))  # noqa: S311
        else:
            return


def _connect(url: str) -> Any:
    """libpq reads the URL, as for the application: SQLAlchemy's own parser knows no list of hosts with ports.

    The timeout is that of each address. Of several servers a migration needs the one that takes writes.
    """
    return psycopg2.connect(**{"connect_timeout": 10, **parse_dsn(url), "target_session_attrs": "read-write"})


def _try(engine: Engine) -> None:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            include_name=_ours,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            # One migrator at a time.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7261054289)")
            _refuse_newer_database()
            context.run_migrations()


def _refuse_newer_database() -> None:
    for revision in context.get_context().get_current_heads():
        try:
            context.script.get_revision(revision)
        except CommandError:
            raise CommandError(
                f"The database has revision {revision}, which this code does not know: it is newer than the code. "
                "Deploy the code that it was migrated with. Nothing was changed."
            ) from None


_load_models()
_migrate()
