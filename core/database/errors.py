"""What a failure of PostgreSQL means to the application. None of these errors holds SQL, a value or a password."""

import re
from collections.abc import Mapping
from typing import Any

import psycopg2

from core.database import grants

# Codes of SQLSTATE (PostgreSQL documentation, appendix A). A write met a server, or a session, that takes none.
READ_ONLY = "25006"
LOCK_NOT_AVAILABLE = "55P03"
# Not now, perhaps later.
_AWAY = ("57P01", "57P02", "57P03", "57P05", "58030", READ_ONLY, "25P03", "57014", LOCK_NOT_AVAILABLE)
# Serialization failure, deadlock, and XX000, with which PostgreSQL tells of its own races ("new multixact has more than
# one updating member", "tuple concurrently updated"): the whole transaction is undone, so that it may be tried again.
_INTERNAL = "XX000"
_CONFLICT = ("40001", "40P01", _INTERNAL)
_NOT_NULL = "23502"
NO_PRIVILEGE = "42501"
_PERMISSION_DENIED = re.compile(r"permission denied for (table|schema|function) (\w{1,63})")
_NOT_SENT = re.compile(r"can't adapt type '(\w{1,63})'")


class DatabaseError(Exception):
    """Any failure of a statement. `sqlstate` is None where the server sent none, `constraint` where none was met."""

    def __init__(self, reason: str, *, sqlstate: str | None = None, constraint: str | None = None) -> None:
        super().__init__(reason)
        self.sqlstate = sqlstate
        self.constraint = constraint


class DatabaseUnavailableError(DatabaseError):
    """The server is away, silent, full, read-only or too slow: a write may have been done; the response is 503."""

    # What the client is told.
    told = "The database does not respond now. Try again shortly."


class DeadlineError(DatabaseUnavailableError):
    """The server said nothing until the deadline."""


class TooLateError(DeadlineError):
    """The request's time was over before this was sent: it went by in the operation, or with what was sent before."""

    told = "The time of this request was over before all was done. Try again shortly."


class ConnectionLostError(DatabaseUnavailableError):
    """The connection ended while a statement was under way."""


class PoolExhaustedError(DatabaseUnavailableError):
    """No connection became free before the deadline."""


class TransactionConflictError(DatabaseUnavailableError):
    """40001, 40P01 or XX000: another transaction was in the way, and this one was undone. Also when COMMIT says so."""


class PreparedStatementError(DatabaseUnavailableError):
    """The server has the statement not prepared, has it already, or cannot use it any more. Nothing was done."""


class UniqueViolationError(DatabaseError):
    """23505: a row with this key exists."""


class ForeignKeyViolationError(DatabaseError):
    """23503: the row that is referred to does not exist."""


class ValueRejectedError(DatabaseError):
    """Class 22, 23502 or 23514: a value that the schema should have rejected before PostgreSQL did."""


class StatementError(DatabaseError):
    """Everything else is a bug of ours: the response is 500."""


class UndefinedObjectError(StatementError):
    """Class 42 or 3F: it names what is not there, or not there any more. Nothing was done."""


class MissingGrantError(UndefinedObjectError):
    """42501: the role may not. The message says of what, and what the owner of the database is to grant."""


# An engine that spreads rows over servers may pass on no more than the words of one of them, under XX000 at times, and
# that one's names have the number of its part of the table behind them. The names are ours (core.resources.models).
_VIOLATED = re.compile(r'"((fk|uq|pk|ck)_\w+?)(?:_\d{6,})?"')
_VIOLATIONS = {"fk": "23503", "uq": "23505", "pk": "23505", "ck": "23514"}

# What a SQLSTATE means, or else its class: its first two characters. All others are bugs of ours.
_BY_STATE: Mapping[str, type[DatabaseError]] = {
    "23505": UniqueViolationError,
    "23503": ForeignKeyViolationError,
    **dict.fromkeys((_NOT_NULL, "23514"), ValueRejectedError),
    **dict.fromkeys(_CONFLICT, TransactionConflictError),
    **dict.fromkeys(_AWAY, DatabaseUnavailableError),
    NO_PRIVILEGE: MissingGrantError,
}
_BY_CLASS: Mapping[str, type[DatabaseError]] = {
    "22": ValueRejectedError,
    **dict.fromkeys(("08", "53"), DatabaseUnavailableError),
    **dict.fromkeys(("42", "3F"), UndefinedObjectError),
}


def translate(error: psycopg2.Error, *, connecting: bool = False) -> DatabaseError:
    """The application's error for psycopg2's. Only what holds no data of a user is taken over."""
    state, diagnostics = error.pgcode, error.diag
    if connecting:
        return DatabaseUnavailableError(_reason("cannot connect", error), sqlstate=state or diagnostics.sqlstate)
    if state is None and isinstance(error, psycopg2.ProgrammingError):
        unknown = _NOT_SENT.search(str(error))
        return StatementError(f"psycopg2 cannot send {f'a value of the type {unknown[1]}' if unknown else 'it'}")
    if state is None:
        return ConnectionLostError(_reason("connection lost", error))
    if state == NO_PRIVILEGE:
        return MissingGrantError(_missing_grant(error), sqlstate=state, constraint=diagnostics.constraint_name)
    state, constraint = _violated(state, diagnostics)
    kind = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], StatementError)
    return kind(type(error).__name__, sqlstate=state, constraint=constraint)


def _violated(state: str, diagnostics: Any) -> tuple[str, str | None]:
    """The SQLSTATE, and the name of the constraint that was met: the column's where it may not be NULL."""
    name: str | None = diagnostics.constraint_name or (diagnostics.column_name if state == _NOT_NULL else None)
    told = f'"{name}"' if name else diagnostics.message_primary or ""
    hidden = state == _INTERNAL and not name
    found = _VIOLATED.search(told) if hidden or state[:2] == "23" else None
    if found is None:
        return state, name
    return (_VIOLATIONS[found[2]] if hidden else state), found[1]


def _missing_grant(error: psycopg2.Error) -> str:
    """What the role may not, and the grant that mends it. Of PostgreSQL's words only those are taken that name a table,
    a schema or a function: a function may raise the same with anything in it."""
    found = _PERMISSION_DENIED.fullmatch(error.diag.message_primary or "")
    if found is None:
        return type(error).__name__
    what, name = found.groups()
    if what == "schema":
        return f"{found[0]}: GRANT USAGE ON SCHEMA {name} TO the role of DATABASE_URL"
    sent = getattr(error.cursor, "query", None) or b""
    place = re.search(rf"\b(\w+)\.{name}\b", sent.decode(errors="replace"))
    whole = f"{place[1]}.{name}" if place else name
    granted = f"EXECUTE ON FUNCTION {whole}" if what == "function" else f"{grants.of_table(name)} ON {whole}"
    return f"{found[0]}: GRANT {granted} TO the role of DATABASE_URL"


def _reason(what: str, error: psycopg2.Error) -> str:
    """With libpq's own words on the connection: they name host and role, and never the password."""
    return f"{what}: " + " ".join(str(error).split())[:300]
