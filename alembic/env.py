"""Alembic's environment: finds every slice's tables by itself, and leaves tables alone that are not ours."""

import importlib
from pathlib import Path
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from core import config, embedded_postgres, migrations
from core.config import PROJECT_ROOT


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
    url = make_url(_url().replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")
    engine = create_engine(url, poolclass=pool.NullPool, hide_parameters=True, connect_args={"connect_timeout": 10})
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            include_name=_ours,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            # One migrator at a time; whoever waits longer than this for a lock gives up rather than block the users.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7261054289)")
            context.run_migrations()


_load_models()
_migrate()
