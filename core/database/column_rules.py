"""Columns whose type is not what it seems to be: named before a migration is made of them, with what to write."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from sqlalchemy import Column, DateTime, Enum
from sqlalchemy.orm import registry
from sqlmodel import AutoString, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from core.config import PROJECT_ROOT

_CURES: dict[Any, str] = {
    AutoString: "a text says its type: write Field(sa_type=Text); schemas.py, or a CheckConstraint, bounds its length",
    Enum: "an Enum would store the names of its members, in a type that none can be taken from: write the annotation "
    "`str`, Field(sa_type=Text), and a CheckConstraint with the values",
    (DateTime, UTCDateTime): "a time says that it has a zone: write Field(sa_type=TIMESTAMP), from core.resources",
}


def complaints(declared: registry = SQLModel._sa_registry) -> Iterator[str]:
    """One sentence for each such column of the tables that are loaded: file, line, class and field, and the cure."""
    for mapper in sorted(declared.mappers, key=lambda one: one.class_.__qualname__):
        for name, column in mapper.columns.items():
            if cure := _cure(column):
                kind = next(one for one in mapper.class_.__mro__ if name in vars(one).get("__annotations__", {}))
                yield f"{_place(kind, name)}: {kind.__name__}.{name}: {cure}."


def _cure(column: Column[Any]) -> str | None:
    if isinstance(column.type, DateTime) and column.type.timezone:
        return None
    return next((cure for kind, cure in _CURES.items() if isinstance(column.type, kind)), None)


def _place(kind: type[Any], name: str) -> str:
    """Where the class declares the field: file and line."""
    lines, first = inspect.getsourcelines(kind)
    (found,) = ast.parse(dedent("".join(lines))).body
    fields = {ast.unparse(one.target): one.lineno for one in ast.walk(found) if isinstance(one, ast.AnnAssign)}
    return f"{Path(inspect.getfile(kind)).relative_to(PROJECT_ROOT)}:{first + fields[name] - 1}"
