"""What a repository sends its queries through, and by when the response must be there."""

import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from operator import attrgetter, methodcaller
from typing import Any, TypeVar

from psycopg2.extensions import cursor

from core.database.ownership import OWNER_PARAMETER, UnscopedStatementError
from core.database.queries import Query

T = TypeVar("T")
U = TypeVar("U")

_all_rows: Callable[[cursor], list[tuple[Any, ...]]] = methodcaller("fetchall")
_first_row: Callable[[cursor], tuple[Any, ...] | None] = methodcaller("fetchone")
_row_count: Callable[[cursor], int] = attrgetter("rowcount")

# The server gives up this much before we do, so that its response arrives and the connection stays usable.
SERVER_MARGIN_SECONDS = 0.25
# What it gets in milliseconds. Few values: pg_stat_statements keeps each text of a SET apart, and has 5,000 places.
_TIMEOUTS = (1, 10, 25, 50, 100, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 4700)


class Executor(ABC):
    """What a repository sends its queries to: the database (each statement is a transaction) or one transaction.

    All methods raise an error of core.database.errors. `autocommit` is True for the database: after an error only it
    takes further queries.
    """

    autocommit: bool

    async def fetch_all(self, query: Query[T]) -> list[T]:
        """All rows."""
        make = query.statement.make
        assert make is not None
        return [make(row) for row in await self._run(query, _all_rows)]

    async def fetch_one(self, query: Query[T]) -> T | None:
        """The first row, or None."""
        make = query.statement.make
        assert make is not None
        row = await self._run(query, _first_row)
        return None if row is None else make(row)

    async def execute(self, query: Query[Any]) -> int:
        """How many rows were written."""
        return await self._run(query, _row_count)

    @abstractmethod
    async def transact(self, work: "Callable[[Executor], Awaitable[T]]") -> T:
        """`work` in one transaction: the one that this is, or a new one, and then all of it again where it met another
        or the tables were moved meanwhile. It must have no effect but in the transaction."""

    @abstractmethod
    async def _run(self, query: Query[Any], read: "Callable[[cursor], U]") -> U:
        """Sends the query and gives what `read` finds in the cursor with its result, while that is there."""


def milliseconds(deadline: float) -> int:
    """How long the server may take for what is sent now, rounded down to one of few values. The event loop's clock is
    this one, but for its rounding."""
    remaining = deadline - time.monotonic() - SERVER_MARGIN_SECONDS
    return _TIMEOUTS[bisect_right(_TIMEOUTS, remaining * 1000, 1) - 1]


def bound(query: Query[Any]) -> dict[str, Any]:
    """The values of a query. Raises UnscopedStatementError where no repository gave the owner."""
    if query.statement.owned and OWNER_PARAMETER not in query.values:
        raise UnscopedStatementError("A statement on an owned table runs through an OwnedRepository only")
    return query.values
