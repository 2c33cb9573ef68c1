"""A statement that an engine would cut in parts, where rows are spread: the server of its owner runs it whole."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from psycopg2.extensions import QuotedString, connection

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


def delegated(statement: Compiled[Any], values: Mapping[str, Any], schema: str) -> tuple[str, dict[str, Any]]:
    """What to send in place of the statement, and its values."""
    text = _CALL.format(schema=schema, function=FUNCTION, columns=statement.parts)
    return text, {"owner": values[OWNER_PARAMETER], "statement": _Filled(statement.texts[schema], values)}


class _Filled:
    """A statement with its values in it, as a text that is itself a value; psycopg2 asks for it as it sends it."""

    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self._text, self._values = text, values

    def __conform__(self, _: object) -> "_Filled":
        return self

    def prepare(self, session: connection) -> None:
        """In the session's encoding."""
        self._quoted = QuotedString(session.cursor().mogrify(self._text, self._values).decode())
        self._quoted.prepare(session)

    def getquoted(self) -> bytes:
        quoted: bytes = self._quoted.getquoted()
        return quoted
