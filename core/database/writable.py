"""Whether the server takes writes now: a standby does not, nor does one that is set to take none."""

from core.database.errors import READ_ONLY, DatabaseUnavailableError
from core.database.pool import Pool
from core.database.usage import Usage

# "on" on a standby as well.
_ASK = "SHOW transaction_read_only"


async def require_writable(pool: Pool, deadline: float, usage: Usage | None) -> None:
    """Raises DatabaseUnavailableError where the server takes no writes, unless such a one was asked for.

    What it finds out the pool learns, as from a write that was rejected.
    """
    for left in () if pool.wants_read_only else (1, 0):  # where there are several, the other one may
        connection = await pool.acquire(deadline, usage)
        try:
            found = await connection.run(_ASK, None, deadline)
            if found.fetchall() == [("off",)]:
                return
            connection.read_only = True
            connection.close()
            if not left:
                raise DatabaseUnavailableError("the server takes no writes", sqlstate=READ_ONLY)
        finally:
            pool.release(connection)
