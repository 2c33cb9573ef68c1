"""The doctor on the database: whether it can be reached, is ours, is migrated, and lets us do what we need."""

import asyncio
import time
from collections.abc import AsyncIterator
from operator import itemgetter

import psycopg2
from psycopg2.extensions import parse_dsn

from core.config import ConfigurationError, Settings
from core.database import errors, grants, indexes, migrations, start_check
from core.database.compatibility import SchemaCheck
from core.database.database import Database
from core.database.errors import DatabaseError, DeadlineError
from core.database.queries import SCHEMA
from core.database.table_schema import of_catalogue
from core.database.writable import require_writable
from core.operations.findings import Finding, note, ok, skipped, wrong
from core.problems import Problem
from core.tokens.claims import LEEWAY_SECONDS

SECONDS = 10
REST = ("grants", "schema", "clock", "migrations")

_SERVER = of_catalogue(
    "SELECT current_setting('server_version'), current_user::text, current_database()::text,"
    " (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)",
    tuple,
)
_TIME = of_catalogue("SELECT extract(epoch FROM clock_timestamp())::float8", itemgetter(0))
_MAY_MIGRATE = """\
SELECT current_database(), current_user::text, CASE WHEN to_regnamespace(schema) IS NULL
    THEN has_database_privilege(current_database(), 'CREATE') ELSE has_schema_privilege(schema, 'CREATE') END
FROM (SELECT %s) AS ours (schema)"""
LOCAL = ("localhost", "127.0.0.1", "::1")
# What to set where libpq, or the server, says so; the first that it says.
_CURES = {
    "no pg_hba.conf entry": "let the role in from here (pg_hba.conf), with TLS where it asks for that",
    **dict.fromkeys(
        ("too many", "slots are reserved", "no more connections allowed"),
        "allow more (CONNECTION LIMIT, max_connections), end those of others, or set DATABASE_POOL_SIZE lower",
    ),
    "host not found": "set the host of DATABASE_URL to a name that this machine finds, or mend its DNS",
    "the database system is": "wait until it has started; its own log says what it does, and what it waits for",
    "not currently accepting connections": "ALTER DATABASE … ALLOW_CONNECTIONS true",
    **dict.fromkeys(
        ("server_login_retry", "query_wait_timeout"),
        "the pooler is there, and has no connection to PostgreSQL for it: its own log says why",
    ),
    "permission denied for database": "GRANT CONNECT ON that database TO the role of DATABASE_URL",
    "unsupported startup parameter": "take that parameter out of DATABASE_URL: a pooler is there, which has it not",
    **dict.fromkeys(
        ("root certificate file", "certificate verify failed", "does not match host name"),
        "set sslrootcert in DATABASE_URL to the file of the server's authority, or to system where this machine trusts "
        "it, and the host to a name that the server's certificate has",
    ),
    "does not support SSL": "let the server have TLS, or take sslmode out of DATABASE_URL",
    'database "': "set the name of the database in DATABASE_URL, or create it",
    **dict.fromkeys(
        ("authentication", "no password", 'role "'),
        "set the user and the password of DATABASE_URL, or let them in (pg_hba.conf)",
    ),
}


async def look(settings: Settings, url: str) -> AsyncIterator[Finding]:
    """The findings on the database at `url`, which is that of the settings or the embedded one's."""
    database = Database(url, pool_size=1, timeout=SECONDS)
    try:
        schema = await database.schema()
        version, role, name, superuser = (await database.fetch_all(_SERVER))[0]
    except DatabaseError as error:
        told = f"no response within {SECONDS} s" if isinstance(error, DeadlineError) else error
        yield wrong("database", f"{told}: {_cure(error, url)}")
        for subject in REST:
            yield skipped(subject, "needs the database")
        return
    try:
        yield ok("database", f"PostgreSQL {version}, database {name}, schema {schema}, role {role}")
        async for finding in _inside(database, schema, accounts=settings.local_accounts_enabled):
            yield finding
        if superuser and settings.app_env == "production":
            yield note("grants", f"{role} is a superuser: docs/operations.md has what a role of the API's own needs")
        yield _migrations(settings, url, name)
    finally:
        database.close()


def _cure(error: DatabaseError, url: str) -> str:
    for words, cure in _CURES.items():
        if words in str(error):
            return cure
    local = parse_dsn(url).get("host") in LOCAL
    hint = " (inside a container, localhost is the container itself)" if local else ""
    return f"start it, or set DATABASE_URL to a server that can be reached{hint}"


async def _inside(database: Database, schema: str, *, accounts: bool) -> AsyncIterator[Finding]:
    """Each step is skipped where it would only meet again what was wrong in one before."""
    lacking = await database.fetch_all(grants.missing(schema))
    yield wrong("grants", grants.told(schema, lacking)) if lacking else ok("grants", "all that the API needs")
    yield skipped("schema", "needs the grants") if lacking else await _schema(database, accounts=accounts)
    try:
        await require_writable(database.pool, asyncio.get_running_loop().time() + SECONDS, None)
    except DatabaseError as error:
        yield wrong("database", f"{error}: let it, and the role of DATABASE_URL (default_transaction_read_only)")
    before = time.time()
    theirs = (await database.fetch_all(_TIME))[0]
    yield clock("the database's", theirs, (before + time.time()) / 2)


async def _schema(database: Database, *, accounts: bool) -> Finding:
    try:
        head = migrations.head()
    except ConfigurationError as error:
        return wrong("schema", str(error))
    revision, foreign = await start_check.examine(database, head)
    if foreign:
        return wrong("schema", f"{foreign} Or set DATABASE_URL to another database.")
    if told := await start_check.servers(database, accounts=accounts):
        return wrong("schema", told)
    problem = await SchemaCheck(database, migrations.known(), head).problem()
    if problem == Problem.SCHEMA_TOO_NEW:
        return wrong("schema", f"revision {revision} has no room for this release: deploy a newer release")
    if problem:
        return wrong(
            "schema",
            f"the revision is {revision or 'none'}, and {head} is needed: run alembic upgrade head, "
            "with DATABASE_URL of a role that may change the schema",
        )
    return await _indexes(database, revision, head)


async def _indexes(database: Database, revision: str | None, head: str) -> Finding:
    """Whether all are there that this release's statements need; what a newer revision has is not known."""
    schema = await database.schema()
    lacking = await database.fetch_all(indexes.missing(schema)) if revision == head else []
    return wrong("schema", indexes.told(schema, lacking)) if lacking else ok("schema", f"revision {revision}")


def clock(whose: str, theirs: float, ours: float) -> Finding:
    """Compares two clocks, both in seconds since 1970."""
    ahead = round(theirs - ours)
    if abs(ahead) <= LEEWAY_SECONDS:
        return ok("clock", f"as {whose}")
    direction = "behind" if ahead > 0 else "ahead of"
    return wrong("clock", f"{abs(ahead)} s {direction} {whose}: set both by NTP; tokens allow {LEEWAY_SECONDS} s")


def _migrations(settings: Settings, url: str, name: str) -> Finding:
    """Whether `alembic upgrade head` with these settings would reach the same database."""
    variable = "DATABASE_URL_UNPOOLED" if settings.database_url_unpooled else "DATABASE_URL"
    try:
        session = migrations.connect(migrations.migration_url(settings, url))
    except ConfigurationError as error:
        return wrong("migrations", str(error))
    except psycopg2.Error as error:
        return wrong("migrations", f"{errors.translate(error, connecting=True)}: set {variable}")
    try:
        with session, session.cursor() as sql:
            sql.execute(_MAY_MIGRATE, [SCHEMA])
            ((found, role, may),) = sql.fetchall()
    finally:
        session.close()
    if found != name:
        return wrong("migrations", f"DATABASE_URL_UNPOOLED leads to the database {found}, DATABASE_URL to {name}")
    if not may:
        return note("migrations", f"{role} of {variable} may not migrate: run them with the URL of the schema's owner")
    return ok("migrations", f"by {variable}")
