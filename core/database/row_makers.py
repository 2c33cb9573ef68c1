"""How a row of a result becomes what its statement names: an entity, a value, or a tuple of them."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from pydantic import BaseModel
from sqlalchemy import CompoundSelect, FromClause, Select
from sqlalchemy import inspect as inspect_mapping
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ColumnElement

from core.database.ownership import DIALECT

Row = Sequence[Any]
Maker = Callable[[Row], Any]

# What an instance of SQLModel has beside its columns, by which it is compared and printed; each written in one step.
_set_extra, _set_fields_set, _set_private = (
    vars(BaseModel)[f"__pydantic_{name}__"].__set__ for name in ("extra", "fields_set", "private")
)
_NONE_SET = set[str]()
_new = object.__new__
# The OID of PostgreSQL's numeric: SQLAlchemy asks what psycopg2 got, for numbers only, and takes a float as well.
_NUMERIC = 1700


def row_maker(source: Any) -> Callable[[Row], Any] | None:
    """How to turn a result row into what the statement names: an entity, a value, or a tuple of them."""
    columns = list(source.exported_columns)
    makers: list[Callable[[Row], Any]] = []
    start = 0
    for item in _items(source):
        entity = _entity(item)
        make, width = _entity_maker(entity, columns, start) if entity else (_value_maker(columns[start], start), 1)
        makers.append(make)
        start += width
    if len(makers) == 3:  # a page's rows, each with its place in the order and the number of changes
        first, second, third = makers
        return lambda row: (first(row), second(row), third(row))
    return makers[0] if len(makers) == 1 else (lambda row: tuple(make(row) for make in makers)) if makers else None


def _items(source: Any) -> Sequence[Any]:
    """What the statement names; of a union, what its first part does."""
    while isinstance(source, CompoundSelect):
        source = source.selects[0]
    found: Sequence[Any] = source._raw_columns if isinstance(source, Select) else source._returning
    return found


def _entity(item: Any) -> type | None:
    """The class of SQLModel that a SELECT or RETURNING names, under whatever name; None for a single value."""
    if isinstance(item, ColumnElement) or not isinstance(item, FromClause):
        return None
    if "parententity" not in item._annotations:
        raise TypeError("A statement names classes of SQLModel and columns; name a subquery's columns one by one")
    found: type = item._annotations["parententity"].mapper.class_
    return found


def _result_processor(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    return column.type.dialect_impl(DIALECT).result_processor(DIALECT, _NUMERIC)


def _value_maker(column: ColumnElement[Any], place: int) -> Callable[[Row], Any]:
    process = _result_processor(column)
    return (lambda row: process(row[place])) if process else itemgetter(place)


def _entity_maker(entity: type, columns: Sequence[ColumnElement[Any]], start: int) -> tuple[Callable[[Row], Any], int]:
    """Makes detached instances, each a snapshot of a row: no session tracks them and no statement follows a change."""
    mapper: Mapper[Any] = inspect_mapping(entity)
    width = len(mapper.column_attrs)
    own = columns[start : start + width]
    keys = [mapper.get_property_by_column(mapper.local_table.c[str(column.key)]).key for column in own]
    found = map(_result_processor, own)
    processors = [(key, process) for key, process in zip(keys, found, strict=True) if process]

    def make(row: Row) -> Any:
        instance: Any = _new(entity)  # without the state by which a session would track it
        _set_extra(instance, None)
        _set_fields_set(instance, _NONE_SET)
        _set_private(instance, None)
        attributes = instance.__dict__
        attributes.update(zip(keys, row[start:] if start else row, strict=False))
        for key, process in processors:
            attributes[key] = process(attributes[key])
        return instance

    return make, width
