"""What an endpoint is called with: FastAPI's declarations and validation, without the parts this API does not use."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, get_origin
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

Errors = list[Mapping[str, Any]]


class _Dependency(NamedTuple):
    name: str | None
    call: Callable[..., Any]
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

    def __init__(self, model: Any) -> None:
        self._lists = {name for name, one in model.model_fields.items() if get_origin(one.annotation) is list}

    def parse(self, query_string: bytes) -> dict[str, Any]:
        """The values by name, as text; of what was repeated and is no list, the last."""
        values: dict[str, Any] = {}
        for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
            if name in self._lists:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        return values


class Arguments:
    """Finds the values of an endpoint's parameters for one request, in a fraction of what FastAPI's own solver takes.

    Dependencies are `async def` and do not yield: nothing is held while the endpoint runs, and nothing is left to
    do after it. Raises TypeError at start for a declaration that it does not know.
    """

    def __init__(self, dependant: Dependant) -> None:
        self._dependencies = [
            _Dependency(one.name, one.call, Arguments(one)) for one in dependant.dependencies if one.call
        ]
        bodies = len(dependant.body_params) + sum(one.arguments.takes_body for one in self._dependencies)
        if bodies > 1 or _is_strange(dependant) or not inspect.iscoroutinefunction(dependant.call):
            raise TypeError(
                f"{dependant.call}: endpoints and dependencies are `async def` without yield, and take path and header "
                "parameters, one model of query parameters, at most one JSON body, Request, Response and dependencies"
            )
        self._path = [_Parameter(field, "path", field.alias) for field in dependant.path_params]
        self._query = [
            (_Parameter(field, "query"), _Query(field.field_info.annotation)) for field in dependant.query_params
        ]
        self._headers = dependant.header_params
        self._body = [_Parameter(field, "body") for field in dependant.body_params]
        self._request_name = dependant.request_param_name
        self._response_name = dependant.response_param_name
        self.takes_body: bool = bodies == 1
        self.takes_query: bool = bool(self._query) or any(one.arguments.takes_query for one in self._dependencies)
        self.takes_response: bool = bool(self._response_name) or any(
            one.arguments.takes_response for one in self._dependencies
        )

    async def find(self, request: Request, response: Response | None, body: Any, errors: Errors) -> dict[str, Any]:
        """The values by name; what is not valid is added to `errors` in pydantic's form."""
        values: dict[str, Any] = {}
        for name, call, arguments in self._dependencies:
            found = await arguments.find(request, response, body, errors)
            if not errors:
                value = await call(**found)
                if name is not None:  # one of the route has no parameter to fill
                    values[name] = value
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
        return values


def _validator(field: Any) -> Callable[..., Any]:
    """pydantic's own, by the declaration's type and its rules."""
    info = field.field_info
    declared: Any = Annotated[(info.annotation, *info.metadata, Field())]
    adapter: TypeAdapter[Any] = TypeAdapter(declared)
    return adapter.validator.validate_python


def _is_strange(dependant: Dependant) -> bool:
    others = (
        dependant.cookie_params,
        dependant.background_tasks_param_name,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.security_scopes_param_name,
    )
    embedded = any(getattr(field.field_info, "embed", None) for field in dependant.body_params)
    return any(others) or embedded or not all(_is_model(field) for field in dependant.query_params)


def _is_model(field: Any) -> bool:
    annotation = field.field_info.annotation
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
