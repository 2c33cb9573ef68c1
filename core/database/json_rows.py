"""A row in one column, as JSON: psycopg2 takes its time for each column of a result, and PostgreSQL none for JSON."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from sqlalchemy import Boolean, DateTime, Integer, Select, String, Text, Uuid, cast, func
from sqlalchemy.sql.dml import UpdateBase

from core.database.row_makers import Row, named

T = TypeVar("T")

# The name of the column.
ONE_COLUMN = "row_as_json"
# Types of which JSON, once it is read, has what a row of text has (core.database.text_rows), but for a `T` in times.
# No number but whole ones: of others it would lose digits.
_ALIKE = (Boolean, DateTime, Integer, String, Uuid)
# PostgreSQL's functions have no more.
_ARGUMENTS_AT_MOST = 100


def in_one_column(source: Any) -> Any | None:
    """The statement with an array of the row's values in place of its columns.

    None where a type is not alike, and where more than a row is named, as by the page of a list: that costs the same.
    """
    columns = list(source.exported_columns)
    alike = len(columns) <= _ARGUMENTS_AT_MOST and all(isinstance(column.type, _ALIKE) for column in columns)
    if not alike or len(named(source)) > 1:
        return None
    array = cast(func.json_build_array(*columns), Text).label(ONE_COLUMN)
    if isinstance(source, Select):
        return source.with_only_columns(array, maintain_column_froms=True)
    if isinstance(source, UpdateBase):
        narrow = source._generate()
        narrow._returning = (array,)
        return narrow
    return None


def of_either_form(make: Callable[[Row], T]) -> Callable[[Row], T]:
    """Takes a row in one column as well as in its own."""
    return lambda row: make(orjson.loads(row[0]) if len(row) == 1 else row)
