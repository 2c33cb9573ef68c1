"""Filters of lists that no index serves: what each looks at begins an index of its table, right behind the owner."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors
from sqlmodel import SQLModel

from core.resources import CrudRepository
from core.resources.rows import Rows


def repositories(base: type[CrudRepository[Any]] = CrudRepository) -> Iterator[type[CrudRepository[Any]]]:
    """Those with rows, of the modules that are loaded."""
    for one in base.__subclasses__():
        if "rows" in vars(one):
            yield one
        yield from repositories(one)


def filters_without_an_index(place: str, rows: Rows[Any]) -> Iterator[str]:
    """A sentence for each filter of the rows of the repository in this file.

    A search for a part of a text is passed over: it reads the rows of its owner alone (DECISIONS, 11). So is what looks
    into another table: tests/architecture/test_plans_at_size.py asks PostgreSQL.
    """
    table = SQLModel.metadata.tables[rows.name]
    indexes = [list(index.expressions) for index in table.indexes]
    begun = {word for index in indexes if len(index) > 1 for word in re.findall(r"\w+", str(index[1]))}
    for field, one in rows.filters.offered.items():
        condition = one.condition(bindparam("value"))
        columns = [found for found in visitors.iterate(condition) if isinstance(found, Column)]
        sql = str(condition.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        if re.search(r"\bI?LIKE\b", sql) or any(column.table is not table for column in columns):
            continue
        if not begun.intersection(column.name for column in columns):
            name = columns[0].name
            index = f'Index("ix_{table.name}_{name}", "user_id", "{name}", "created_at", "id")'
            yield f"{place}: no index serves the filter `{field}`: add {index} to the models"
