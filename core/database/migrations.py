"""Alembic from the inside: which revision the code needs, and bringing a database to it."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extensions import connection, parse_dsn

from core.config import PROJECT_ROOT, ConfigurationError, load_database_settings
from core.database import chosen
from core.database.errors import NO_PRIVILEGE
from core.database.queries import SCHEMA
from core.database.table_schema import WHAT_TO_DO
from core.settings_base import DatabaseSettings

if TYPE_CHECKING:
    from alembic.config import Config

# Class 42 of SQLSTATE: a table (or index, or view), a type or a column exists; the role may not.
_EXISTS = {"42P07", "42710", "42701"}
# Whoever may not do something to a table is not its owner, which no grant mends.
_OF_THE_SCHEMA = re.compile("for (database|schema)")

# Whoever changes the schema sends it first, and then waits until nobody else does.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7261054289)"
# Short, as whoever waits for a lock keeps all requests behind it waiting; longer than PostgreSQL's deadlock_timeout
# (1 s), after which an autovacuum gives way to who waits for it, and not before.
LOCK_TIMEOUT = "1500ms"

_SEVERAL = (
    "Several migrations are the newest one, as after a merge: {}. Put them in a row: in the file of the one that your "
    "databases do not have yet, let `down_revision` be the `revision` of the other."
)
_REVISION = re.compile(r"^(down_)?revision\b.*?= *(.*)$", re.MULTILINE)


def configuration(url: str) -> "Config":
    """Alembic's settings from pyproject.toml, for the database at `url`."""
    from alembic.config import Config  # noqa: PLC0415 (a server needs none of it: 8 MB)

    config = Config(toml_file=PROJECT_ROOT / "pyproject.toml")
    config.attributes["url"] = url
    return config


def head() -> str:
    """The newest revision that the code knows: the one that no other comes after.

    Raises ConfigurationError where there are several: two branches were merged that have one each.
    """
    newest = known() - _revisions(down=True)
    if len(newest) > 1:
        names = [file.name for file in _files() if newest.intersection(_of_file(file, down=False))]
        raise ConfigurationError(_SEVERAL.format(" and ".join(names)))
    (only,) = newest
    return only


def known() -> set[str]:
    """All revisions that the code knows, read from the files themselves."""
    return _revisions(down=False)


def _revisions(*, down: bool) -> set[str]:
    """Those that the files are, or come after."""
    return {revision for file in _files() for revision in _of_file(file, down=down)}


def _files() -> list[Path]:
    return sorted((PROJECT_ROOT / "alembic" / "versions").glob("*.py"))


def _of_file(file: Path, *, down: bool) -> Iterator[str]:
    for of_another, value in _REVISION.findall(file.read_text()):
        if bool(of_another) == down:
            yield from re.findall(r"['\"](\w+)['\"]", value)


def migration_url(settings: DatabaseSettings, default: str) -> str:
    """The URL for migrations. Raises ConfigurationError for a transaction pooler, which loses what they SET."""
    url = settings.database_url_unpooled or settings.database_url
    found = url.get_secret_value() if url else default
    hosts = parse_dsn(found).get("host", "").split(",")
    if any(host.split(".")[0].endswith("-pooler") for host in hosts):
        raise ConfigurationError(
            "Migrations cannot run through a connection pooler (the host of the URL ends in -pooler). "
            "Set DATABASE_URL_UNPOOLED to the direct URL: the same without -pooler."
        )
    return found


def url_of_settings() -> str:
    """The URL for migrations, of this machine's settings or of the embedded PostgreSQL. Raises ConfigurationError."""
    settings = load_database_settings()
    return migration_url(settings, chosen.url_of(settings))


def load_models() -> None:
    """Imports the models of core and of every slice, so that SQLModel.metadata has all tables."""
    importlib.import_module("core.database.compatibility")
    importlib.import_module("core.http.idempotency_keys")
    for path in sorted(PROJECT_ROOT.glob("modules/*/models.py")):
        importlib.import_module(f"modules.{path.parent.name}.models")


def rejection(error: Any) -> str | None:
    """One sentence for what others' tables, or missing rights, make of a migration; None for other psycopg2.Errors."""
    if error.pgcode in _EXISTS:
        return f"{error.diag.message_primary}, and this application did not make it: {WHAT_TO_DO}. Nothing was changed."
    if error.pgcode == NO_PRIVILEGE:
        mend = (
            f"let the owner of the database run CREATE SCHEMA IF NOT EXISTS {SCHEMA}; "
            f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO the role that migrates"
        )
        if not _OF_THE_SCHEMA.search(error.diag.message_primary):
            mend = "migrate with the URL of the role that owns the tables"
        return f"{error.diag.message_primary}: {mend}. Nothing was changed."
    return None


def connect(url: str) -> connection:
    """A connection to the server that takes writes, of those that the URL names; raises psycopg2.Error.

    libpq reads the URL, as for the application: SQLAlchemy's own parser knows no list of hosts with ports. The timeout
    is that of each address.
    """
    made: connection = psycopg2.connect(
        **{"connect_timeout": 10, **parse_dsn(url), "target_session_attrs": "read-write"}
    )
    return made


def upgrade(url: str) -> None:
    """Brings the database at `url` to the newest revision."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(configuration(url), "head")
