"""Filters of lists that no index serves: what each looks at begins an index of its table, right behind the owner."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement
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
    begun = {part for index in indexes if len(index) > 1 for part in _parts_of_index(str(index[1]))}
    for field, one in rows.filters.offered.items():
        condition = one.condition(bindparam("value"))
        columns = [found for found in visitors.iterate(condition) if isinstance(found, Column)]
        sql = str(condition.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        if re.search(r"\bI?LIKE\b", sql) or any(column.table is not table for column in columns):
            continue
        looks_at = _parts_of_filter(condition)
        if begun.isdisjoint(looks_at):
            function, name = min(looks_at)
            part = f'text("{function}({name})")' if function else f'"{name}"'
            taken = f"ix_{table.name}_{name}" in {index.name for index in table.indexes}
            index = f'Index("ix_{table.name}_{name}{"_is" if taken else ""}", "user_id", {part}, "created_at", "id")'
            yield f"{place}: no index serves the filter `{field}`: add {index} to the models"


def _parts_of_index(expression: str) -> set[tuple[str, str]]:
    """The columns of it, each with the function that it is in, or nothing: lower(title) serves no search by title."""
    words = re.findall(r"\w+", expression.lower())
    function = words[0] if "(" in expression else ""
    return {(function, word) for word in words}


def _parts_of_filter(condition: Any) -> set[tuple[str, str]]:
    """The same of what a filter compares."""
    calls = [found for found in visitors.iterate(condition) if isinstance(found, FunctionElement)]
    inside = {
        (str(getattr(call, "name", "")).lower(), found.name)
        for call in calls
        for found in visitors.iterate(call)
        if isinstance(found, Column)
    }
    wrapped = {name for _, name in inside}
    columns = {found.name for found in visitors.iterate(condition) if isinstance(found, Column)}
    return inside | {("", name) for name in columns - wrapped}
