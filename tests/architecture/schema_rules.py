"""Schemas that promise what their repository does not keep: filters and sorts that are none, values of no row."""

import inspect
from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Annotated, Any, get_args

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlmodel import SQLModel

from core.http.routing import PrivateRoute
from core.resources import CountedQuery, CrudRepository, InputModel, ListQuery, Selection
from core.resources.schemas import OrLater

# What a list's query has besides filters.
_COMMON = {*ListQuery.model_fields, *CountedQuery.model_fields, *Selection.model_fields}


def breaches(app: FastAPI | APIRouter) -> Iterator[str]:
    """A sentence for each breach in the operations of a repository with rows."""
    for route in app.routes:
        if isinstance(route, PrivateRoute) and route.repository and issubclass(route.repository, CrudRepository):
            for model in _models(route):
                yield from _of_query(model, route.repository)
                if route.methods & {"POST", "PUT", "PATCH"}:
                    yield from _of_body(model, route.repository)
                yield from defaults(model)
            yield from _of_response(route.response_model)


def defaults(model: type[BaseModel]) -> Iterator[str]:
    """A default that the field itself would reject: nobody looks at it."""
    for name, field in model.model_fields.items():
        if field.is_required() or field.default_factory is not None or field.default is None:
            continue
        try:
            declared: Any = Annotated[(field.annotation, *field.metadata, Field())]
            TypeAdapter(declared).validate_python(field.default)
        except ValidationError:
            yield f"{_name(model)}: `{name}` would reject its own default, {field.default!r}"


def _models(route: PrivateRoute) -> Iterator[type[BaseModel]]:
    annotations = [one.annotation for one in inspect.signature(route.endpoint).parameters.values()]
    for one in annotations:
        kind = get_args(one)[0] if get_args(one) else one
        if isinstance(kind, type) and issubclass(kind, InputModel):
            yield kind


def _of_query(model: type[BaseModel], repository: type[CrudRepository[Any]]) -> Iterator[str]:
    """What a client may write into the query does something."""
    if not issubclass(model, ListQuery | Selection):
        return
    asked, offered = set(model.model_fields) - _COMMON, set(repository.rows.filters.offered)
    for name in sorted(asked - offered):
        yield f"{_name(model)}: `{name}` narrows nothing: add it to `filters` of {_name(repository)}"
    for name in sorted(offered - asked):
        yield f"{_name(model)}: no `{name}`, which is among the `filters` of {_name(repository)}"
    sort = model.model_fields.get("sort")
    values = get_args(sort.annotation) if sort else ()
    for name in sorted({str(one).removeprefix("-") for one in values} - set(repository.rows.sorts)):
        yield f"{_name(model)}: nothing is sorted by `{name}`: add it to `sorts` of {_name(repository)}"


def _of_body(model: type[BaseModel], repository: type[CrudRepository[Any]]) -> Iterator[str]:
    """A column that may not be NULL is not set to it."""
    if issubclass(model, ListQuery | Selection):
        return
    columns = SQLModel.metadata.tables[repository.rows.name].columns
    for name, field in model.model_fields.items():
        if name == "created_at":  # a PUT has it to undo a deletion
            continue
        if name in columns and not columns[name].nullable and NoneType in get_args(field.annotation):
            yield f"{_name(model)}: `{name}` may be null here and not in the table: give it a default_factory"


def _of_response(kind: Any) -> Iterator[str]:
    """Rows of a later release are read while both serve, and after a rollback."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return
    for name, field in kind.model_fields.items():
        declared: Any = Annotated[(field.annotation, *field.metadata, Field())]
        for one in _enums(declared):
            yield f"{_name(kind)}: `{name}` rejects what a later release adds: write EnumOutput[{one.__name__}]"
        for inner in (field.annotation, *get_args(field.annotation)):
            yield from _of_response(inner)


def _enums(kind: Any) -> Iterator[type[Enum]]:
    """Those in a type that take no other value."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield kind
    if not any(isinstance(one, OrLater) for one in getattr(kind, "__metadata__", ())):
        for one in get_args(kind):
            yield from _enums(one)


def _name(kind: type[Any]) -> str:
    return f"{kind.__module__}.{kind.__name__}"
