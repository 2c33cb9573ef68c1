"""A compiled statement, and the query that it makes with values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import BinaryExpression, Table, TableClause
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Insert, UpdateBase

from core.database.json_rows import in_one_column, of_either_form
from core.database.ownership import DIALECT, OWNER_PARAMETER, OwnerCompiler
from core.database.row_makers import Row, row_maker

T_co = TypeVar("T_co", covariant=True)

# The tables' schema in a new database, and the one where they were made before they had a schema of their own. Their
# classes name neither: each text has the one that is in use, and alembic/env.py works in it.
SCHEMA, FORMER_SCHEMA = SCHEMAS = ("todo", "public")

# Stands for the schema while a statement is compiled.
_PLACEHOLDER = "__schema__"


@dataclass(frozen=True, slots=True)
class Compiled(Generic[T_co]):
    """A statement's text, how its parameters are adapted, and how a row of its result becomes a T.

    `texts` has one for each of SCHEMAS, with every table's name qualified; `names` are those of the values.
    """

    texts: Mapping[str, str]
    names: tuple[str, ...]
    adapters: Mapping[str, Callable[[Any], Any]]
    constants: Mapping[str, Any]
    make: Callable[[Row], T_co] | None
    owned: bool
    reads: bool
    # For the log: that of the function that made it.
    name: str = "on the spot"
    # How it is prepared, by schema and types of the values; core.database.prepared_statements fills it. None: never.
    prepared: dict[Any, Any] | None = None
    # Whether `make` takes ids and times as text.
    as_text: bool = False
    # As `texts`, with each row in one column; None where it has several. `make` takes both.
    one_column: Mapping[str, str] | None = None
    # Of an INSERT with another write in it, the names and types of its result, as core.database.delegation needs them.
    parts: str | None = None


class Query(Generic[T_co]):
    """A compiled statement with the values of its parameters, as psycopg2 takes them."""

    __slots__ = ("statement", "values")

    def __init__(self, statement: Compiled[T_co], values: dict[str, Any]) -> None:
        self.statement = statement
        self.values = values

    def for_owner(self, owner: str) -> "Query[T_co]":
        """The same query with the value of OWNER, which only a repository supplies."""
        return Query(self.statement, {**self.values, OWNER_PARAMETER: owner})


def on_the_spot(source: Any) -> Query[Any]:
    """The query of a statement that is written with its values, and compiled anew each time."""
    compiled = compile_statement(source, (), render_postcompile=True)
    return Query(compiled, dict(compiled.constants))


def compile_statement(source: Any, names: tuple[str, ...], **options: bool) -> Compiled[Any]:
    compiled = _compiled(source, **options)
    _require_well_written(source)
    _require_values(compiled, expanded=bool(options))
    adapters = _adapters(compiled)
    constants = {name: value for name, value in compiled.params.items() if name not in (*names, OWNER_PARAMETER)}
    make, as_text = row_maker(source)
    return Compiled(
        _texts(compiled),
        names,
        {name: adapters[name] for name in names if name in adapters},
        {name: adapters[name](value) if name in adapters else value for name, value in constants.items()},
        make,
        compiled.owned,
        not compiled.writes,
        as_text=as_text,
        parts=_parts(source),
    )


def prepared_form(compiled: Compiled[T_co], source: Any) -> Compiled[T_co]:
    """What is made of `source`, to be prepared."""
    make, narrow = compiled.make, in_one_column(source) if compiled.as_text else None
    if make is None or narrow is None:
        return replace(compiled, prepared={})
    return replace(compiled, prepared={}, one_column=_texts(_compiled(narrow)), make=of_either_form(make))


def _compiled(source: Any, **options: bool) -> OwnerCompiler:
    found: OwnerCompiler = source.compile(
        dialect=DIALECT,
        schema_translate_map={None: _PLACEHOLDER},
        render_schema_translate=True,
        compile_kwargs=options,
    )
    return found


def _texts(compiled: OwnerCompiler) -> dict[str, str]:
    return {schema: str(compiled).replace(f"{_PLACEHOLDER}.", f"{schema}.") for schema in SCHEMAS}


def _parts(source: Any) -> str | None:
    """None where an engine that spreads rows takes it whole: all but an INSERT … SELECT that another write is part of.

    One of VALUES, which the engine cuts as well, begins a transaction, and is sent as it is. So the node that is asked
    has locked the rows' place before their server does, in the order in which whoever moves them locks it.
    """
    writes = [part for part in visitors.iterate(source) if isinstance(part, UpdateBase)]
    if len(writes) < 2 or not any(isinstance(part, Insert) and part.select is not None for part in writes):
        return None
    types = [column.type.compile(dialect=DIALECT) for column in source.exported_columns]
    return ", ".join(f"c{number} {kind}" for number, kind in enumerate(types))


def _adapters(compiled: OwnerCompiler) -> dict[str, Callable[[Any], Any]]:
    """What SQLAlchemy does with the values of parameters before psycopg2 does, by their names."""
    found = {name: one.type.dialect_impl(DIALECT).bind_processor(DIALECT) for one, name in compiled.bind_names.items()}
    return {name: adapt for name, adapt in found.items() if adapt is not None}


def _require_values(compiled: OwnerCompiler, *, expanded: bool) -> None:
    for column in (*compiled.insert_prefetch, *compiled.update_prefetch):
        raise TypeError(f"{column}: give its value; its default is made in Python, and would be NULL here")
    if not expanded and any(parameter.expanding for parameter in compiled.bind_names):
        raise TypeError("write `column == any_(values)`; in_() has a text of its own for every length")


def _require_well_written(source: Any) -> None:
    for part in visitors.iterate(source):
        if isinstance(part, TableClause) and not isinstance(part, Table):
            raise TypeError(f"{part.name}: name a class of SQLModel or a Table; a bare table() gets no schema")
        if isinstance(part, BinaryExpression) and part.operator in (operators.in_op, operators.not_in_op):
            rows = getattr(part.right, "element", part.right)
            if getattr(rows, "_limit_clause", None) is not None:
                raise TypeError("write `found_once(column, rows)`; in_() of a SELECT may run it anew for each row")
