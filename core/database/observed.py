"""What the log is told of statements that are slow, and of those that are sent again. By name: never their text."""

import structlog

from core.database.connection import Connection
from core.database.errors import DatabaseError

_log = structlog.get_logger("core.database.observed")


def tell_slow(connection: Connection, name: str) -> None:
    """A statement has taken longer than SLOW_STATEMENT; its backend is found by its number in PostgreSQL's own log."""
    fields = {"db.duration_ms": round(connection.took * 1000, 3), "todo_api.backend_pid": connection.backend or None}
    _log.warning("slow statement", **{"db.query.summary": name, **fields})


def tell_repeated(error: DatabaseError, name: str) -> None:
    """It is sent again after `error`, which had undone it or left nothing done."""
    fields = {"error.type": type(error).__name__, "db.response.status_code": error.sqlstate}
    _log.info("statement repeated", **{"db.query.summary": name, **fields})
