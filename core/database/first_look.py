"""What a process finds out before its first statement: where the tables are, and what stands before and behind them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from psycopg2.extensions import cursor

from core.database import table_schema
from core.database.bounded_pool import BoundedPool
from core.database.delegation import is_there
from core.database.executor import milliseconds
from core.database.places import Places, places_of
from core.database.pool import Pool
from core.database.prepared_statements import before_prepare
from core.database.queries import SCHEMA, Query


class Found(NamedTuple):
    """The tables' schema; what stands before PREPARE, None where nothing is prepared; whether an engine is there that
    can spread tables over servers; and whether it runs a statement at its owner's server (core.database.delegation)."""

    schema: str
    prepares: str | None
    spreads: bool
    delegates: bool


async def look(
    attempt: Callable[[Query[Any], Callable[[cursor], Any], str], Awaitable[Any]],
    pool: Pool,
    prepared: bool | None,
    seconds: float,
) -> Found:
    """`attempt` sends a query; `prepared` is whether statements are to be prepared, None for where it can be.

    Where there is an engine, the limit that statements have by themselves, of `seconds`, becomes one of the
    pool's sessions: with SET LOCAL before it a statement is a transaction of several, for which the engine sends BEGIN
    and COMMIT to the owner's server. A pool that is bounded for each server learns which owners' rows each has. Raises
    DatabaseError.
    """
    ((process, found, spreads),), backend = await attempt(table_schema.look(), _with_backend, SCHEMA)
    direct = process == backend
    schema = table_schema.in_use(found)
    if not spreads:
        return Found(schema, before_prepare(prepared, direct=direct), spreads=False, delegates=False)
    if direct:
        pool.limit(milliseconds(asyncio.get_running_loop().time() + seconds))
    ((delegates,),) = await attempt(is_there(schema), cursor.fetchall, schema)
    if isinstance(pool, BoundedPool):
        pool.places = Places(await attempt(places_of(schema), cursor.fetchall, schema))
    # A plan for all owners cannot say on which of several servers the rows are.
    return Found(schema, before_prepare(prepared, direct=False), spreads, delegates)


def _with_backend(result: cursor) -> tuple[list[tuple[Any, ...]], int]:
    """The rows, and the process of the server that the connection knows of."""
    return result.fetchall(), result.connection.info.backend_pid
