"""Statements prepared on a connection: what is sent in place of a statement's text, and what to do where it fails."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

from core.database.errors import NO_PRIVILEGE, DatabaseError, PreparedStatementError
from core.database.queries import Compiled

# So many times a connection prepares; the text of what comes later is sent as it is. Bounds the memory of the server's
# process (some 40 kB each), and what is lost where somebody between keeps throwing away what was prepared.
PREPARED_AT_MOST = 100
# After so many statements they are planned anew: a table that was empty then may be large. PostgreSQL does it by itself
# once it has analysed the table, a minute later or never.
PLANNED_ANEW = 500

# The types that psycopg2's literals have; of a whole number the widest, or a greater one would not fit later. A string
# has none, nor has NULL: what stands around it says what it is, as it does for a literal.
_UNKNOWN = "unknown"
_TYPES: Mapping[type, str] = {
    NoneType: _UNKNOWN,
    str: _UNKNOWN,
    bool: "boolean",
    int: "bigint",
    float: "numeric",
    Decimal: "numeric",
    bytes: "bytea",
    UUID: "uuid",
    datetime: "timestamptz",
    date: "date",
    time: "time",
    timedelta: "interval",
}

# Stands before PREPARE where the session is ours alone. What is prepared is planned once, for no value in particular:
# left to itself PostgreSQL thinks that a page is a tenth of its owner's rows, and would rather plan each by itself.
PLAN_ONCE = "SET plan_cache_mode = force_generic_plan; "
_PLACE = re.compile(r"%\((\w+)\)s")

# What says that the server has no such statement, has it already, or has one that a migration has overtaken.
_GONE, _THERE, _OVERTAKEN = "26000", "42P05", "0A000"
# A parameter's type cannot be told, or is not what a literal would have been: in plain text it may work.
_TYPED_WRONG = {"42P18", "42P08", "42804", "42883", "42725", "42846"}
# A number is too great for the type of its parameter, and in plain text it has another; a grant is missing, and the
# text says of what.
_OTHERWISE = {_THERE, "22003", NO_PRIVILEGE}


class Prepared(NamedTuple):
    """How a text is prepared and executed; psycopg2 puts the values into both."""

    name: str
    prepare: str
    execute: str


class PreparedStatements:
    """Those of one connection, as far as is known: behind a pooler it may lead to another session each time."""

    def __init__(self) -> None:
        # What is to be sent next, by the name of the statement.
        self._known: dict[str, str] = {}
        self._left = PREPARED_AT_MOST
        self._sent = 0
        # What `text` gave for the message that is under way; whoever sends that takes it away.
        self.last: tuple[dict[Any, Prepared | None], Any, Prepared] | None = None

    def text(self, statement: Compiled[Any], schema: str, values: Mapping[str, Any], before: str) -> str:
        """What to send with these values: PREPARE and EXECUTE the first time, then EXECUTE, or else the statement.

        `before` stands before PREPARE. Where it is something, rows come in one column: the session is ours alone, on
        one server, in UTC.
        """
        plain: str = statement.texts[schema]
        variants = statement.prepared
        if variants is None:
            return plain
        kinds = (schema, before, *map(type, values.values()))
        if list in kinds:
            kinds = (schema, before, *map(_kind, values.values()))
        try:
            found = variants[kinds]
        except KeyError:
            whole = statement.one_column[schema] if before and statement.one_column else plain
            found = variants[kinds] = prepared(whole, statement.constants, values)
        if found is None:
            return plain
        name, prepare, text = found
        known = self._known.get(name)
        if known != text:
            if not self._left:
                return plain
            self._left -= 1
            self._known[name] = text
            text = before + (known or prepare)
        self.last = variants, kinds, found
        self._sent += 1
        return text if self._sent % PLANNED_ANEW else f"DISCARD PLANS; {text}"

    def judged(self, error: DatabaseError) -> DatabaseError:
        """`error` of the message that is under way, or a PreparedStatementError where plain text may do or say more."""
        if self.last is None:
            return error
        variants, kinds, found = self.last
        if error.sqlstate == _GONE:
            self._known.pop(found.name, None)
        elif error.sqlstate == _OVERTAKEN:
            self._known[found.name] = f"DEALLOCATE {found.name}; {found.prepare}"
        elif error.sqlstate in _TYPED_WRONG:
            variants[kinds] = None
        elif error.sqlstate not in _OTHERWISE:
            return error
        return PreparedStatementError(str(error), sqlstate=error.sqlstate)


def before_prepare(wanted: bool | None, *, direct: bool) -> str | None:
    """What stands before PREPARE; None where nothing is prepared. `direct` where no pooler stands between.

    Behind one a setting of the session would be everybody's.
    """
    if direct if wanted is None else wanted:
        return PLAN_ONCE if direct else ""
    return None


def prepared(text: str, constants: Mapping[str, Any], values: Mapping[str, Any]) -> Prepared | None:
    """How it is prepared for values of these types; None where the literal of one has no type that is known here.

    The name is a hash of all that it means, so that one name never means two things: to a session that a pooler gives
    to many, and to two releases that run beside each other.
    """
    types = {name: _type(value) for name, value in values.items()}
    if None in types.values():
        return None
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        name = found[1]
        if name in constants:  # psycopg2 puts it into the text that is prepared
            return found[0]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    body = _PLACE.sub(place, text)
    declared = f"({', '.join(str(types[name]) for name in names)})" if names else ""
    meant = f"{declared} {body} {sorted(constants.items())}"
    name = f"todo_{hashlib.sha256(meant.encode()).hexdigest()[:32]}"
    given = f"({', '.join(f'%({one})s' for one in names)})" if names else ""
    execute = f"EXECUTE {name}{given}"
    return Prepared(name, f"PREPARE {name}{declared} AS {body}; {execute}", execute)


def _type(value: Any) -> str | None:
    if isinstance(value, str):
        return _UNKNOWN
    if not isinstance(value, list):
        return _TYPES.get(type(value))
    if not value:
        return _UNKNOWN
    element = _type(_first(value))
    return element and ("text[]" if element is _UNKNOWN else f"{element}[]")


def _kind(value: Any) -> Any:
    return (list, bool(value), type(_first(value))) if isinstance(value, list) else type(value)


def _first(values: list[Any]) -> Any:
    """Of NULLs an array has no type."""
    return next((one for one in values if one is not None), None)
