"""What an endpoint is called with: FastAPI's declarations and validation, without the parts this API does not use."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args


class _Dependency(NamedTuple):
    name: str | None
    call: Callable[..., Any]
    arguments: "Arguments"


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
                f"{dependant.call}: endpoints and dependencies are `async def` without yield, and take path, query and "
                "header parameters, at most one JSON body, Request, Response and dependencies"
            )
        self._path = dependant.path_params
        self._query = dependant.query_params
        self._headers = dependant.header_params
        self._body = dependant.body_params
        self._request_name = dependant.request_param_name
        self._response_name = dependant.response_param_name
        self.takes_body: bool = bodies == 1
        self.takes_query: bool = bool(self._query) or any(one.arguments.takes_query for one in self._dependencies)

    async def find(
        self, request: Request, response: Response, body: Any, errors: list[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The values by name; what is not valid is added to `errors` in pydantic's form."""
        values: dict[str, Any] = {}
        for name, call, arguments in self._dependencies:
            found = await arguments.find(request, response, body, errors)
            if not errors:
                value = await call(**found)
                if name is not None:  # one of the route has no parameter to fill
                    values[name] = value
        for field in self._path:
            raw = request.scope["path_params"][field.alias]
            values[field.name], wrong = field.validate(raw, values, loc=("path", field.alias))
            errors += wrong
        for fields, given in ((self._query, "query_params"), (self._headers, "headers")):
            if fields:
                more, wrong = request_params_to_args(fields, getattr(request, given))
                values.update(more)
                errors += wrong
        for field in self._body:
            values[field.name], wrong = field.validate(body, values, loc=("body",))
            errors += wrong
        if self._request_name:
            values[self._request_name] = request
        if self._response_name:
            values[self._response_name] = response
        return values


def _is_strange(dependant: Dependant) -> bool:
    others = (
        dependant.cookie_params,
        dependant.background_tasks_param_name,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.security_scopes_param_name,
    )
    return any(others) or any(getattr(field.field_info, "embed", None) for field in dependant.body_params)
