"""SQL statements that are written on SQLModel tables, compiled once, and run as text."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Generic, ParamSpec, TypeVar, overload

from sqlalchemy import Dialect, FromClause, Select, Table, TableClause, bindparam
from sqlalchemy import inspect as inspect_mapping
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.orm import Mapper
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import TypedReturnsRows

from core.database.ownership import OWNER_PARAMETER, require_owner

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
Row = Sequence[Any]

# A list endpoint has one statement for each combination of its filters; beyond this they are compiled anew.
SHAPES_KEPT = 512

# The tables' schema in a new database, and the one where they were made before they had a schema of their own. Their
# classes name neither: each text has the one that is in use, and alembic/env.py works in it.
SCHEMA, FORMER_SCHEMA = SCHEMAS = ("todo", "public")

# Stands for the schema while a statement is compiled.
_PLACEHOLDER = "__schema__"

_DIALECT: Dialect = PGDialect_psycopg2()  # type: ignore[no-untyped-call]
# What an instance of SQLModel has beside its columns; it is compared and printed by them.
_OF_PYDANTIC = (("__pydantic_extra__", None), ("__pydantic_fields_set__", set[str]()), ("__pydantic_private__", None))
_set = object.__setattr__
# The OID of PostgreSQL's numeric: SQLAlchemy asks what psycopg2 got, for numbers only, and takes a float as well.
_NUMERIC = 1700


@dataclass(frozen=True, slots=True)
class Compiled(Generic[T_co]):
    """A statement's text, how its parameters are adapted, and how a row of its result becomes a T.

    `texts` has one for each of SCHEMAS, with every table's name qualified.
    """

    texts: Mapping[str, str]
    adapters: Mapping[str, Callable[[Any], Any]]
    constants: Mapping[str, Any]
    make: Callable[[Row], T_co] | None
    owned: bool
    reads: bool


class Query(Generic[T_co]):
    """A compiled statement with the values of its parameters, as psycopg2 takes them."""

    __slots__ = ("statement", "values")

    def __init__(self, statement: Compiled[T_co], values: dict[str, Any]) -> None:
        self.statement = statement
        self.values = values

    def for_owner(self, owner: str) -> "Query[T_co]":
        """The same query with the value of OWNER, which only a repository supplies."""
        return Query(self.statement, {**self.values, OWNER_PARAMETER: owner})


@overload
def statement(build: Callable[P, TypedReturnsRows[T]]) -> Callable[P, Query[T]]: ...
@overload
def statement(build: Callable[P, TypedReturnsRows[T, U]]) -> Callable[P, Query[tuple[T, U]]]: ...
@overload
def statement(build: Callable[P, UpdateBase]) -> Callable[P, Query[None]]: ...
def statement(build: Callable[P, Any]) -> Callable[P, Query[Any]]:
    """Decorates a function that returns a SQLAlchemy statement; calling it then gives a Query at the cost of a dict.

    The function runs once for each shape. Positional parameters are values: inside, they are bound parameters of
    SQL, to be used in expressions and never tested. Keyword-only parameters choose the shape: inside, they are the
    real, hashable values. A statement on an owned table must compare its owner column with `OWNER`, or compiling
    it raises UnscopedStatementError.
    """
    parameters = inspect.signature(build).parameters.values()
    # Prefixed, because SQLAlchemy keeps the names of columns for itself in VALUES and SET.
    bound = tuple(f"p_{p.name}" for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @lru_cache(SHAPES_KEPT)
    def compiled(**shape: Any) -> Compiled[Any]:
        return _compile(build(*map(bindparam, bound), **shape), frozenset(bound))  # type: ignore[arg-type]

    def query(*values: Any, **shape: Any) -> Query[Any]:
        statement = compiled(**shape)
        given = dict(zip(bound, values, strict=True))
        for name, adapt in statement.adapters.items():
            given[name] = adapt(given[name])
        return Query(statement, {**statement.constants, **given} if statement.constants else given)

    return query


def _compile(source: Any, bound: frozenset[str]) -> Compiled[Any]:
    schemas = {None: _PLACEHOLDER}
    compiled = source.compile(dialect=_DIALECT, schema_translate_map=schemas, render_schema_translate=True)
    assert isinstance(compiled, SQLCompiler)
    owned = require_owner(source)
    _require_tables(source)
    for column in (*compiled.insert_prefetch, *compiled.update_prefetch):
        raise TypeError(f"{column}: give its value; its default is made in Python, and would be NULL here")
    adapters: dict[str, Callable[[Any], Any]] = {}
    for parameter, name in compiled.bind_names.items():
        if parameter.expanding:
            raise TypeError(f"{name}: write `column == any_(values)`; in_() has a text of its own for every length")
        adapter = parameter.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        if adapter is not None:
            adapters[name] = adapter
    constants = {name: value for name, value in compiled.params.items() if name not in bound | {OWNER_PARAMETER}}
    for name in constants.keys() & adapters.keys():
        constants[name] = adapters.pop(name)(constants[name])
    # What a SELECT writes, it writes in a CTE.
    reads = isinstance(source, Select) and not any(isinstance(part, UpdateBase) for part in visitors.iterate(source))
    texts = {schema: str(compiled).replace(f"{_PLACEHOLDER}.", f"{schema}.") for schema in SCHEMAS}
    return Compiled(texts, adapters, constants, _row_maker(source), owned, reads)


def _require_tables(source: Any) -> None:
    for part in visitors.iterate(source):
        if isinstance(part, TableClause) and not isinstance(part, Table):
            raise TypeError(f"{part.name}: name a class of SQLModel or a Table; a bare table() gets no schema")


def _row_maker(source: Any) -> Callable[[Row], Any] | None:
    """How to turn a result row into what the statement names: an entity, a value, or a tuple of them."""
    columns = list(source.exported_columns)
    makers: list[Callable[[Row], Any]] = []
    start = 0
    for item in source._raw_columns if isinstance(source, Select) else source._returning:
        entity = _entity(item)
        make, width = _entity_maker(entity, columns, start) if entity else (_value_maker(columns[start], start), 1)
        makers.append(make)
        start += width
    if len(makers) == 2:  # a page's rows, each with its place in the order
        first, second = makers
        return lambda row: (first(row), second(row))
    return makers[0] if len(makers) == 1 else (lambda row: tuple(make(row) for make in makers)) if makers else None


def _entity(item: Any) -> type | None:
    """The class of SQLModel that a SELECT or RETURNING names, under whatever name; None for a single value."""
    if isinstance(item, ColumnElement) or not isinstance(item, FromClause):
        return None
    if "parententity" not in item._annotations:
        raise TypeError("A statement names classes of SQLModel and columns; name a subquery's columns one by one")
    found: type = item._annotations["parententity"].mapper.class_
    return found


def _result_processor(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    return column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, _NUMERIC)


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
        instance: Any = object.__new__(entity)  # without the state by which a session would track it
        for name, value in _OF_PYDANTIC:
            _set(instance, name, value)
        attributes = instance.__dict__
        attributes.update(zip(keys, row[start:] if start else row, strict=False))
        for key, process in processors:
            attributes[key] = process(attributes[key])
        return instance

    return make, width
