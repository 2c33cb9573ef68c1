"""A statement on its way to the server, on an asynchronous connection of psycopg2."""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import connection, cursor

from core.database.errors import ValueRejectedError
from core.database.literals import filled
from core.database.text_rows import AS_TEXT

Values = Mapping[str, Any] | None

# What has no more characters than these fits into the buffer of a socket whose last bytes have arrived (Linux makes
# none below 4,608 bytes).
_SHORT = 1000


def sent(pg: connection, sql: str, values: Values, *, text: bool) -> tuple[cursor, bool]:
    """The cursor that will have the result, with ids and times as text if `text` says so; and whether all of the
    message is sent for certain, so that there is nothing to do until a response comes.

    Raises psycopg2.Error, and ValueRejectedError for a text that PostgreSQL cannot have.
    """
    result = pg.cursor()
    try:
        if values and type(result) is cursor:  # whatever traces statements is told text and values apart
            sql, values = filled(sql, values, pg), None
        if text:
            result.string_types = AS_TEXT
        result.execute(sql, values)
    except ValueError:  # of psycopg2's own: NUL, or half a surrogate pair, in a text
        raise ValueRejectedError("psycopg2 cannot send a value") from None
    return result, values is None and len(sql) <= _SHORT
