"""The arguments of an endpoint in the fast subset: FastAPI's declarations and validation without its solver."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from core.http.parameters import holds_collection, model_of, pairs_of

Errors = list[Mapping[str, Any]]


class NotFastError(Exception):
    """The declaration is outside of the fast subset: FastAPI's own way serves it."""


class _Dependency(NamedTuple):
    name: str | None
    call: Any
    arguments: "Arguments"


class _Parameter:
    """One declared value and where it comes from, `place` in pydantic's words: path, query or body."""

    def __init__(self, field: Any, *place: str) -> None:
        self.name: str = field.name
        self.alias: str = field.alias
        self._place = place
        # Any text of a path is a str already.
        plain = place[0] == "path" and field.field_info.annotation is str and not field.field_info.metadata
        self._validate = None if plain else _validator(field)

    def find(self, raw: Any, values: dict[str, Any], errors: Errors) -> None:
        """Adds the value to `values`, or what is wrong with it to `errors`."""
        if self._validate is None:
            values[self.name] = raw
            return
        try:
            values[self.name] = self._validate(raw, from_attributes=True)
        except ValidationError as error:
            found = error.errors(include_url=False)
            errors += [{**one, "loc": (*self._place, *one["loc"])} for one in found]


class _Query:
    """The parameters of the query string: the fields of one model, of which those that are lists may be repeated."""

    def __init__(self, field: Any) -> None:
        model: Any = model_of(field)
        self._lists = {name for name, one in model.model_fields.items() if get_origin(one.annotation) is list}

    def parse(self, query_string: bytes) -> dict[str, Any]:
        """The values by name, as text; of what was repeated and is no list, the last."""
        values: dict[str, Any] = {}
        for name, value in pairs_of(query_string):
            if name in self._lists:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        return values


class Arguments:
    """Finds the values of an endpoint's parameters for one request, in a fraction of what FastAPI's solver takes.

    Raises NotFastError for a declaration that needs the solver: all but `async def` endpoints and dependencies without
    yield that take path and header parameters, one model of query parameters, one whole JSON body, Request, Response.
    """

    def __init__(self, dependant: Dependant) -> None:
        if not _is_plain(dependant) or _needs_solver(dependant):
            raise NotFastError
        self._dependencies = [_Dependency(one.name, one.call, Arguments(one)) for one in dependant.dependencies]
        self._path = [_Parameter(field, "path", field.alias) for field in dependant.path_params]
        self._query = [(_Parameter(field, "query"), _Query(field)) for field in dependant.query_params]
        self._headers = dependant.header_params
        self._body = [_Parameter(field, "body") for field in dependant.body_params]
        self._request_name = dependant.request_param_name
        self._response_name = dependant.response_param_name
        self.takes_response: bool = bool(self._response_name) or any(
            one.arguments.takes_response for one in self._dependencies
        )

    async def find(self, request: Request, response: Response | None, body: Any, errors: Errors) -> dict[str, Any]:
        """The values by name; what is not valid is added to `errors` in pydantic's form."""
        values: dict[str, Any] = {}
        for name, call, arguments in self._dependencies:
            wrong: Errors = []
            if arguments._dependencies:
                found = await arguments.find(request, response, body, wrong)
            else:
                found = {}
                arguments._find_own(request, response, body, found, wrong)
            if wrong:  # the others are called all the same
                errors += wrong
                continue
            value = await call(**found)
            if name is not None:  # one of the route has no parameter to fill
                values[name] = value
        self._find_own(request, response, body, values, errors)
        return values

    def _find_own(
        self, request: Request, response: Response | None, body: Any, values: dict[str, Any], errors: Errors
    ) -> None:
        """All but what dependencies give."""
        for parameter in self._path:
            parameter.find(request.scope["path_params"][parameter.alias], values, errors)
        for parameter, query in self._query:
            parameter.find(query.parse(request.scope["query_string"]), values, errors)
        if self._headers:
            more, wrong = request_params_to_args(self._headers, request.headers)
            values.update(more)
            errors += wrong
        for parameter in self._body:
            parameter.find(body, values, errors)
        if self._request_name:
            values[self._request_name] = request
        if self._response_name:
            values[self._response_name] = response


def _validator(field: Any) -> Callable[..., Any]:
    """pydantic's own, by the declaration's type and its rules."""
    info = field.field_info
    declared: Any = Annotated[(info.annotation, *info.metadata, Field())]
    adapter: TypeAdapter[Any] = TypeAdapter(declared)
    return adapter.validator.validate_python


def _all_below(dependant: Dependant) -> Iterator[Dependant]:
    for one in dependant.dependencies:
        yield one
        yield from _all_below(one)


def _needs_solver(dependant: Dependant) -> bool:
    """Whether a dependency is used twice, and so called once, or several bodies share the request's."""
    below = list(_all_below(dependant))
    bodies = sum(len(one.body_params) for one in (dependant, *below))
    return bodies > 1 or len({one.call for one in below}) < len(below)


def _is_plain(dependant: Dependant) -> bool:
    """Whether one function, an endpoint or a dependency, declares only what is taken here."""
    others = (
        dependant.cookie_params,
        dependant.background_tasks_param_name,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.security_scopes_param_name,
        dependant.own_oauth_scopes,
        dependant.concurrency,
    )
    return (
        inspect.iscoroutinefunction(dependant.call)
        and not any(others)
        and all(map(_is_whole_body, dependant.body_params))
        and len(dependant.query_params) <= 1
        and all(map(_is_plain_query, dependant.query_params))
    )


def _is_whole_body(field: Any) -> bool:
    info = field.field_info
    return bool(info.is_required()) and not getattr(info, "embed", None) and info.media_type == "application/json"


def _is_plain_query(field: Any) -> bool:
    """Whether it is a model whose fields are found under their own names, each one text or a list of texts."""
    model = model_of(field)
    return model is not None and all(map(_is_plain_field, model.model_fields.values()))


def _is_plain_field(field: Any) -> bool:
    if field.alias or field.validation_alias:
        return False
    items = get_args(field.annotation) if get_origin(field.annotation) is list else (field.annotation,)
    return not any((isinstance(one, type) and issubclass(one, BaseModel)) or holds_collection(one) for one in items)
