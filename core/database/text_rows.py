"""Rows whose ids and times stay the text that PostgreSQL sent, until somebody looks at them as at any other row."""

from abc import ABCMeta
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from psycopg2.extensions import UNICODE
from pydantic import BaseModel
from sqlalchemy import DateTime, Uuid
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType, TypeDecorator

from core.database.psycopg2_setup import TIMESTAMPTZ_OID, UUID_OID, time_of, uuid_of

Converter = Callable[[Any], Any]

# What a cursor makes of both types for a statement whose rows are such.
AS_TEXT = {TIMESTAMPTZ_OID: UNICODE, UUID_OID: UNICODE}
# Their classes, each with that of the rows that they become.
_SEEN_AS: dict[type, type] = {}

_dict: Any = vars(BaseModel)["__dict__"]
# What an instance of SQLModel has beside its columns, by which it is compared and printed; each written in one step.
_BESIDE = ("__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
_set_extra, _set_fields_set, _set_private = (vars(BaseModel)[name].__set__ for name in _BESIDE)
_NONE_SET = set[str]()
# The columns of any row as they are there, without a look at them: ids and times may be text.
columns_of: Callable[[Any], dict[str, Any]] = _dict.__get__
set_columns: Callable[[Any, dict[str, Any]], None] = _dict.__set__


def complete(row: Any) -> None:
    """Gives a row, of which there are only its columns, what pydantic's methods look at."""
    _set_extra(row, None)
    _set_fields_set(row, _NONE_SET)
    _set_private(row, None)


def converter(column: ColumnElement[Any]) -> Converter | None:
    """What makes the value of the text that AS_TEXT leaves of a column; None where it leaves the value."""
    return uuid_of if isinstance(column.type, Uuid) else time_of if isinstance(column.type, DateTime) else None


def can_be_text(column: ColumnElement[Any]) -> bool:
    """Whether so much is known of a statement's column that it is not left as text by mistake."""
    kind = column.type
    without_zone = isinstance(kind, DateTime) and not kind.timezone
    return not (without_zone or isinstance(kind, NullType | TypeDecorator))


@lru_cache(None)
def text_class(entity: type, keys: tuple[str, ...], text: tuple[tuple[str, Converter], ...]) -> type:
    """The class of rows of `entity` that are such, made once. `text` names the columns that are text, each with what
    makes its value.

    Looked at in any way, a row becomes an instance of `entity` with values: by an attribute that is text still, its
    `__dict__`, a method of pydantic, a copy. `columns_of` does not look.
    """

    converters = dict(text)

    def look(row: Any) -> dict[str, Any]:
        columns = columns_of(row)
        columns.update({key: convert(columns[key]) for key, convert in converters.items()})
        object.__setattr__(row, "__class__", entity)
        complete(row)
        return columns

    members: dict[str, Any] = {key: _attribute(key, look if key in converters else columns_of) for key in keys}
    members |= {name: property(_looking(name, look)) for name in _BESIDE}
    # What asks for the class before the columns.
    members |= {name: _method(name, look) for name in ("__copy__", "__deepcopy__", "__reduce_ex__")}
    members |= {"__eq__": _equal, "__slots__": (), "__module__": entity.__module__, "__dict__": property(look)}
    # SQLModel's own way to make a class would map it to a table.
    made = ABCMeta.__new__(type(entity), entity.__name__, (entity,), members)
    _SEEN_AS[made] = entity
    return made


def _attribute(key: str, read: Callable[[Any], dict[str, Any]]) -> property:
    return property(lambda row: read(row)[key])


def _looking(name: str, look: Callable[[Any], object]) -> Callable[[Any], Any]:
    def looking(row: Any) -> Any:
        look(row)
        return getattr(row, name)

    return looking


def _equal(row: Any, other: object) -> bool:
    """Both are looked at: of each, pydantic asks for its class first."""
    _ = row.__dict__, getattr(other, "__dict__", None)
    return bool(row == other)


def _method(name: str, look: Callable[[Any], object]) -> Callable[..., Any]:
    looked_up = _looking(name, look)
    return lambda row, *arguments: looked_up(row)(*arguments)


def looked_at(kind: type) -> type:
    """The class that a row of this one has once somebody has looked at it."""
    return _SEEN_AS.get(kind, kind)


def text_columns(row: Any) -> dict[str, Any] | None:
    """The columns of a row that nobody has looked at, as they are there; None of any other."""
    return columns_of(row) if type(row) in _SEEN_AS else None


def text_columns_of_all(rows: Sequence[Any]) -> list[dict[str, Any]] | None:
    """The same of rows of one kind; None where anybody has looked at one."""
    kinds = {*map(type, rows)}
    return [*map(columns_of, rows)] if len(kinds) == 1 and kinds.pop() in _SEEN_AS else None
