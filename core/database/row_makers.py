"""How a row of a result becomes what its statement names: an entity, a value, or a tuple of them."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import CompoundSelect, FromClause, Select
from sqlalchemy import inspect as inspect_mapping
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ColumnElement

from core.database.ownership import DIALECT
from core.database.text_rows import can_be_text, columns_of, complete, converter, text_class

Row = Sequence[Any]
Maker = Callable[[Row], Any]

_new = object.__new__
# The OID of PostgreSQL's numeric: SQLAlchemy asks what psycopg2 got, for numbers only, and takes a float as well.
_NUMERIC = 1700


def row_maker(source: Any) -> tuple[Maker | None, bool]:
    """How to turn a result row into what the statement names: an entity, a value, or a tuple of them; and whether for
    it ids and times are to be the text that PostgreSQL sent (see core.database.text_rows)."""
    columns = list(source.exported_columns)
    items = _items(source)
    as_text = any(map(_entity, items)) and all(map(_can_be_text, columns))
    makers: list[Maker] = []
    start = 0
    for item in items:
        entity = _entity(item)
        if entity:
            make, width = _entity_maker(entity, columns, start, as_text=as_text)
        else:
            make, width = _value_maker(columns[start], start, as_text=as_text), 1
        makers.append(make)
        start += width
    return _together(makers), as_text


def _together(makers: list[Maker]) -> Maker | None:
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


def _can_be_text(column: ColumnElement[Any]) -> bool:
    return can_be_text(column) and not (converter(column) and _result_processor(column))


def _value_maker(column: ColumnElement[Any], place: int, *, as_text: bool) -> Maker:
    process = _result_processor(column) or (converter(column) if as_text else None)
    return (lambda row: process(row[place])) if process else itemgetter(place)


def _entity_maker(
    entity: type, columns: Sequence[ColumnElement[Any]], start: int, *, as_text: bool
) -> tuple[Maker, int]:
    """Makes detached instances, each a snapshot of a row: no session tracks them and no statement follows a change."""
    mapper: Mapper[Any] = inspect_mapping(entity)
    width = len(mapper.column_attrs)
    own = columns[start : start + width]
    keys = [mapper.get_property_by_column(mapper.local_table.c[str(column.key)]).key for column in own]
    found = map(_result_processor, own)
    processors = [(key, process) for key, process in zip(keys, found, strict=True) if process]
    converters = {key: convert for key, column in zip(keys, own, strict=True) if (convert := converter(column))}
    kind = text_class(entity, keys, converters) if as_text else entity

    def bare(row: Row) -> Any:
        instance: Any = _new(kind)  # without the state by which a session would track it
        columns_of(instance).update(zip(keys, row, strict=False))
        return instance

    def finished(row: Row) -> Any:
        instance = bare(row[start:])
        columns = columns_of(instance)
        for key, process in processors:
            columns[key] = process(columns[key])
        if not as_text:
            complete(instance)
        return instance

    return (bare if as_text and not (start or processors) else finished), width
