"""Before the first request: is what the database holds under the names of our tables ours, and may we use it?"""

import asyncio

import structlog

from core.database import distribution, grants, migrations, table_schema
from core.database.compatibility import SchemaCheck
from core.database.database import Database
from core.database.errors import DatabaseError
from core.database.usage import Usage

# A database that is asleep or away does not keep the process from starting: readiness tells of that.
SECONDS = 3

_log = structlog.get_logger("core.database.start_check")


def look(url: str, head: str, *, accounts: bool = False) -> tuple[str | None, str | None]:
    """The revision of the database at `url`, None where it does not tell; and one sentence on why its tables cannot be
    served, None where they can: there is somebody else's, or what is spread over servers cannot be served like this.

    `head` is the revision that the code needs, `accounts` whether local accounts are on. Runs an event loop of its own,
    so that nothing of it is left when the workers are forked.
    """
    return asyncio.run(_look(url, head, accounts=accounts))


async def _look(url: str, head: str, *, accounts: bool) -> tuple[str | None, str | None]:
    deadline = asyncio.get_running_loop().time() + SECONDS
    database = Database(url, pool_size=1, timeout=SECONDS, usage=lambda: Usage(deadline))
    try:
        revision, foreign = await examine(database, head)
        rejection = foreign or await servers(database, accounts=accounts)
        if rejection is None:
            await _tell(database, revision, head)
        return revision, rejection
    except DatabaseError as error:
        reason = {"error.reason": str(error), "db.response.status_code": error.sqlstate}
        _log.warning("tables not looked at", **reason)
        return None, None
    finally:
        database.close()


async def _tell(database: Database, revision: str | None, head: str) -> None:
    """What requests meet as a 500, and readiness alone would tell: a grant that the first deletion needs, it may be,
    or a migration that was not run."""
    schema = await database.schema()
    lacking = await database.fetch_all(grants.missing(schema))
    if lacking:
        _log.error("grants missing", **{"error.reason": grants.told(schema, lacking)})
    elif revision != head:
        await SchemaCheck(database, migrations.known(), head).problem()


async def examine(database: Database, head: str) -> tuple[str | None, str | None]:
    """The revision, and what is somebody else's, of a database that is known already. Raises DatabaseError."""
    schema = await database.schema()
    found = await database.fetch_all(table_schema.relations(schema))
    migrated = any(name == table_schema.VERSIONS.name for name, _, _ in found)
    revision = await database.fetch_one(table_schema.revision()) if migrated else None
    return revision, table_schema.foreign(schema, found, revision, head)


async def servers(database: Database, *, accounts: bool) -> str | None:
    """What core.database.distribution complains of, of a database that is known already. Raises DatabaseError."""
    schema = await database.schema()
    if not database.spreads:
        return None
    spread = await database.fetch_all(table_schema.of_catalogue(distribution.spread_sql(schema), tuple))
    there = await database.fetch_all(table_schema.relations(schema))
    return distribution.complaint(schema, spread, [name for name, _, _ in there], accounts=accounts)
