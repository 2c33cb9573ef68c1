"""The values of a statement in its text: what psycopg2 makes of them, in fewer steps for those that most have."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import QuotedString, adapt, connection, encodings


def uuid_literal(value: UUID) -> str:
    """With its type: without, an operator would not know it."""
    return f"'{value.int.to_bytes(16).hex()}'::uuid"


def _time_literal(value: datetime) -> str:
    if value.tzinfo is UTC:  # in a third of the time; it rounds other offsets to a minute
        return f"'{orjson.dumps(value)[1:-1].decode()}'::timestamptz"
    return f"'{value.isoformat()}'::{'timestamp' if value.tzinfo is None else 'timestamptz'}"


def _int_literal(value: int) -> str:
    # With a space before a minus, so that another one does not make a comment of it.
    return str(value) if value >= 0 else f" {value}"


# By exact type; a subclass may have an adapter of its own.
_SHORT: Mapping[type, Callable[[Any], str]] = {
    UUID: uuid_literal,
    int: _int_literal,
    datetime: _time_literal,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): lambda _: "NULL",
}
# Those that are quoted as they are: `str`, and what psycopg2 turned out to take for one, as a StrEnum.
_TEXTS: set[type] = {str}


def filled(sql: str, values: Mapping[str, Any], session: connection) -> str:
    """`sql` with a literal in each `%(name)s`, and `%` in place of `%%`.

    Raises ValueError for a text that PostgreSQL cannot have (NUL, half a surrogate pair), psycopg2.ProgrammingError for
    a value that nothing is known of.
    """
    found = {}
    for name, value in values.items():
        kind = type(value)
        if kind in _TEXTS:
            quoted = QuotedString(value)
            quoted.prepare(session)
            found[name] = quoted.getquoted().decode(_codec(session.encoding))
        elif kind in _SHORT:
            found[name] = _SHORT[kind](value)
        else:
            found[name] = _adapted(value, session)
    return sql % found


def _adapted(value: Any, session: connection) -> str:
    """As psycopg2 does it itself."""
    made = adapt(value)
    if type(made) is QuotedString:
        _TEXTS.add(type(value))
    if hasattr(made, "prepare"):
        made.prepare(session)
    text: str = made.getquoted().decode(_codec(session.encoding))
    return text


@lru_cache(None)
def _codec(encoding: str) -> str:
    # Known by this name, Python decodes it without a look into its table of codecs.
    return "utf-8" if encoding == "UTF8" else encodings[encoding]
