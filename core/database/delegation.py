"""A statement that an engine would cut in parts, where rows are spread: the server of its owner runs it whole."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from core.database.connection import Connection
from core.database.ownership import OWNER_PARAMETER
from core.database.queries import Compiled, Query
from core.database.table_schema import of_catalogue

# Of deploy/citus.sql: it runs a text. The engine calls it on the server that has the owner's rows, in one round trip.
FUNCTION = "run_at_owner"
_THERE = "SELECT pg_catalog.to_regprocedure('{schema}.{function}(text, text)') IS NOT NULL"
_CALL = "SELECT * FROM {schema}.{function}(%(owner)s, %(statement)s) AS result ({columns})"


def is_there(schema: str) -> Query[bool]:
    """Gives whether the function is there."""
    return of_catalogue(_THERE.format(schema=schema, function=FUNCTION), itemgetter(0))


def delegated(
    connection: Connection, statement: Compiled[Any], values: Mapping[str, Any], schema: str
) -> tuple[str, dict[str, Any]]:
    """What to send in place of the statement, and its values. Raises ValueRejectedError as `Connection.run` does."""
    text = _CALL.format(schema=schema, function=FUNCTION, columns=statement.parts)
    return text, {"owner": values[OWNER_PARAMETER], "statement": connection.filled(statement.texts[schema], values)}
