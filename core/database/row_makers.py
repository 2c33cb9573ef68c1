"""How a row of a result becomes what its statement names: an entity, a value, or a tuple of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, FromClause, Select
from sqlalchemy import inspect as inspect_mapping
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.elements import ColumnElement

from core.database.ownership import DIALECT
from core.database.text_rows import can_be_text, complete, converter, set_columns, text_class

Row = Sequence[Any]
Maker = Callable[[Row], Any]

_new = object.__new__
# The OID of PostgreSQL's numeric: SQLAlchemy asks what psycopg2 got, for numbers only, and takes a float as well.
_NUMERIC = 1700


def row_maker(source: Any) -> tuple[Maker | None, bool]:
    """How to turn a result row into what the statement names: an entity, a value, or a tuple of them; and whether for
    it ids and times are to be the text that PostgreSQL sent (see core.database.text_rows)."""
    columns = list(source.exported_columns)
    items = named(source)
    as_text = any(map(_entity, items)) and all(map(_can_be_text, columns))
    expressions: list[str] = []
    called: dict[str, Callable[[Any], Any]] = {}
    place = 0
    for item in items:
        if entity := _entity(item):
            width = len(inspect_mapping(entity).column_attrs)
            own = {place + number: column for number, column in enumerate(columns[place : place + width])}
            expressions.append(_entity_expression(entity, own, called, as_text=as_text))
            place += width
        else:
            expressions.append(_value_expression(place, columns[place], called, as_text=as_text))
            place += 1
    if not expressions:
        return None, as_text
    made = expressions[0] if len(expressions) == 1 else f"({', '.join(expressions)})"
    # One expression makes all of a row in half of the time that functions need which know its columns as values.
    maker: Maker = eval(f"lambda row: {made}", called)  # noqa: S307
    return maker, as_text


def named(source: Any) -> Sequence[Any]:
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


def _value_expression(
    place: int, column: ColumnElement[Any], called: dict[str, Callable[[Any], Any]], *, as_text: bool
) -> str:
    """The value at a place of `row`; what it calls it adds to `called`."""
    process = _result_processor(column) or (converter(column) if as_text else None)
    if process is None:
        return f"row[{place}]"
    called[f"process{place}"] = process
    return f"process{place}(row[{place}])"


def _entity_expression(
    entity: type,
    columns: Mapping[int, ColumnElement[Any]],
    called: dict[str, Callable[[Any], Any]],
    *,
    as_text: bool,
) -> str:
    """A detached instance, a snapshot of a row: no session tracks it and no statement follows a change."""
    mapper: Mapper[Any] = inspect_mapping(entity)
    keys = {
        place: mapper.get_property_by_column(mapper.local_table.c[str(column.key)]).key
        for place, column in columns.items()
    }
    text = tuple((keys[place], convert) for place, column in columns.items() if (convert := converter(column)))
    kind = text_class(entity, tuple(keys.values()), text) if as_text else entity

    def made(values: dict[str, Any]) -> Any:
        instance: Any = _new(kind)  # without the state by which a session would track it
        set_columns(instance, values)
        if not as_text:
            complete(instance)
        return instance

    name = f"entity{min(columns)}"
    called[name] = made
    # What is text stays so until somebody looks.
    values = (_value_expression(place, column, called, as_text=False) for place, column in columns.items())
    columns_named = [f"{key!r}: {value}" for key, value in zip(keys.values(), values, strict=True)]
    return f"{name}({{{', '.join(columns_named)}}})"
