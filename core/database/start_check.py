"""Before the first request: is what the database holds under the names of our tables ours?"""

import asyncio

import structlog

from core.database import table_schema
from core.database.database import Database
from core.database.errors import DatabaseError
from core.database.usage import Usage

# A database that is asleep or away does not keep the process from starting: readiness tells of that.
SECONDS = 3

_log = structlog.get_logger("core.database.start_check")


def look(url: str, head: str) -> tuple[str | None, str | None]:
    """The revision of the database at `url`, None where it does not tell; and one sentence on what there is somebody
    else's, None where nothing is.

    `head` is the revision that the code needs. Runs an event loop of its own, so that nothing of it is left when the
    workers are forked.
    """
    return asyncio.run(_look(url, head))


async def _look(url: str, head: str) -> tuple[str | None, str | None]:
    deadline = asyncio.get_running_loop().time() + SECONDS
    database = Database(url, pool_size=1, timeout=SECONDS, usage=lambda: Usage(deadline))
    try:
        return await examine(database, head)
    except DatabaseError as error:
        reason = {"error.reason": str(error), "db.response.status_code": error.sqlstate}
        _log.warning("tables not looked at", **reason)
        return None, None
    finally:
        database.close()


async def examine(database: Database, head: str) -> tuple[str | None, str | None]:
    """What `look` gives, of a database that is known already. Raises DatabaseError."""
    schema = await database.schema()
    found = await database.fetch_all(table_schema.relations(schema))
    migrated = any(name == table_schema.VERSIONS.name for name, _, _ in found)
    revision = await database.fetch_one(table_schema.revision()) if migrated else None
    return revision, table_schema.foreign(schema, found, revision, head)
