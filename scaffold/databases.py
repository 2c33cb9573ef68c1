"""A throw-away PostgreSQL to make migrations on, and what the databases of this project's settings have of a slice."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from alembic.config import Config
from psycopg2.extensions import make_dsn, parse_dsn

from core.config import ConfigurationError, load_settings
from core.database import embedded, migrations
from core.database.queries import SCHEMAS


@contextmanager
def throw_away() -> Iterator[str]:
    """The URL of a database at head, on a server that ends with it and waits for no disk. Nothing is printed within."""
    with tempfile.TemporaryDirectory(prefix="todo-api-slice-", ignore_cleanup_errors=True) as folder:
        server = embedded.start(Path(folder) / "data", keep=False)
        try:
            # What Alembic says of it is no news to who asked for something else.
            with redirect_stdout(StringIO()):
                command.upgrade(settings(server.get_uri()), "head")
                yield server.get_uri()
        finally:
            server.cleanup()


def settings(url: str) -> Config:
    """Alembic's settings for a throw-away database. Whatever stands there is ours, also what no model has any more."""
    made = migrations.configuration(url)
    made.attributes["all_ours"] = True
    made.stdout = StringIO()
    return made


@contextmanager
def beside(url: str) -> Iterator[str]:
    """The URL of an empty database on the same server, which is gone afterwards."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        connection.cursor().execute("CREATE DATABASE beside")
        yield make_dsn(url, dbname="beside")
        connection.cursor().execute("DROP DATABASE beside")
    finally:
        connection.close()


@contextmanager
def in_use() -> Iterator[tuple[str, bool] | None]:
    """The URL of the database of the settings, and whether it is on this machine; None where there is none yet.

    An embedded one that is not running runs until the end of it.
    """
    try:
        settings = load_settings()
        url = settings.database_url_unpooled or settings.database_url
    except ConfigurationError:
        url = None
    if url is not None:
        yield url.get_secret_value(), is_here(url.get_secret_value())
    elif (embedded.DATA / "PG_VERSION").exists():
        server = embedded.start(keep=False)
        try:
            yield server.get_uri(), True
        finally:
            server.cleanup()
    else:
        yield None


def is_here(url: str) -> bool:
    """Whether all of its servers are on this machine."""
    hosts = parse_dsn(url).get("host", "").split(",")
    return all(host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/") for host in hosts)


def applied(url: str) -> str | None:
    """The revision of the database, None where it was never migrated."""
    for schema in SCHEMAS:
        if query(url, "SELECT to_regclass(%s)", f"{schema}.alembic_version") != [(None,)]:
            found = query(url, f"SELECT version_num FROM {schema}.alembic_version")  # noqa: S608 (one of two names)
            return str(found[0][0]) if found else None
    return None


def has_rows(url: str, tables: list[str]) -> list[str]:
    """Those of the tables that have any."""
    found = [f"{schema}.{table}" for schema in SCHEMAS for table in tables]
    there = [name for name in found if query(url, "SELECT to_regclass(%s)", name) != [(None,)]]
    return [name for name in there if query(url, f"SELECT 1 FROM {name} LIMIT 1")]  # noqa: S608 (of a declared table)


def query(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []
