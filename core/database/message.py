"""What is sent for a statement: its text, prepared or not, and the limit before it."""

from typing import Any

from core.database.connection import Connection
from core.database.delegation import delegated
from core.database.executor import milliseconds
from core.database.queries import Compiled
from core.database.sending import Values


def message(
    statement: Compiled[Any],
    values: dict[str, Any],
    schema: str,
    prepares: str | None,
    delegates: bool,
    deadline: float | None,
    connection: Connection,
) -> tuple[str, Values]:
    """The text for this connection, and the values. `prepares` stands before PREPARE, None where nothing is prepared;
    `delegates` is whether a statement of parts is run at its owner's server (core.database.delegation). Without a
    `deadline` it has its transaction's limit."""
    sql, sent = statement.texts[schema], values
    if delegates and statement.parts:
        sql, sent = delegated(statement, values, schema)
    elif prepares is not None:
        sql = connection.prepared.text(statement, schema, values, prepares)
    if deadline is None or connection.limited:
        return sql, sent
    return f"SET LOCAL statement_timeout = {milliseconds(deadline)}; {sql}", sent
