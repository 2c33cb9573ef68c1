"""The OpenAPI document: what FastAPI finds out, with every failure as problem+json and without its 422."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from core.config import VERSION
from core.http.declarations import REF, problems
from core.http.dependencies import gives_page, gives_row
from core.http.routing import CookieRoute, PrivateRoute
from core.problems import Problem, ProblemDetails

_ANY = (Problem.VALIDATION_FAILED, Problem.INTERNAL_ERROR, Problem.DATABASE_UNAVAILABLE)
_WITH_BODY = (Problem.BODY_TIMEOUT, Problem.BODY_TOO_LARGE, Problem.UNSUPPORTED_MEDIA_TYPE)


def _header(name: str, text: str, **schema: Any) -> dict[str, Any]:
    of = {"type": "string", **schema}
    return {"name": name, "in": "header", "required": False, "description": text, "schema": of}


_KEY = _header(
    "Idempotency-Key",
    "A text of the client's own for this write: a repeat with it within a day has no second effect, and gets the first "
    "response's status with what there is now.",
    maxLength=257,
)
_MATCH = _header(
    "If-Match", "The ETag that the client has read: 412 if there is a newer version, or if it is of another user."
)
_KNOWN = _header("If-None-Match", "The ETag that the client has: 304 if nothing has changed, and it is the user's own.")
_ABSENT = _header(
    "If-None-Match",
    "`*` makes it under this id, where there is none: 412 if there is one. Not with If-Match.",
    const="*",
)


# Of an operation that does not take it, as it takes no repository: the path is compared with the token all the same.
_USER_ID = {"name": "user_id", "in": "path", "required": True, "schema": {"type": "string"}}


def install(app: FastAPI, description: str) -> None:
    """Makes `app.openapi()` give the finished document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=VERSION,
                description=description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            for route in app.routes:
                if isinstance(route, PrivateRoute) and route.include_in_schema:
                    for method in route.methods:
                        _complete(made["paths"][route.path_format][method.lower()], route)
            app.openapi_schema = _finish(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], route: PrivateRoute) -> None:
    """Adds the problems, the headers and the security that follow from what guards an operation."""
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        del operation["responses"]["422"]  # FastAPI's own; a body that is not valid is 400 here
    for status, response in problems(*_general_problems(route)).items():
        operation["responses"].setdefault(str(status), response)
    if route.private:
        operation.setdefault("security", [{"bearer": []}])
    declared = [(one["name"], one["in"]) for one in operation.get("parameters", ())]
    if "{user_id}" in route.path and ("user_id", "path") not in declared:
        operation["parameters"] = [_USER_ID, *operation.get("parameters", ())]
    found = _headers(route)
    if _KNOWN in found:
        operation["responses"].setdefault("304", {"description": "The client has this version"})
    if _ABSENT in found:
        operation["responses"].setdefault("201", {**operation["responses"]["200"], "description": "Created"})
    if found:
        operation["parameters"] = [*operation.get("parameters", ()), *found]
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _general_problems(route: PrivateRoute) -> list[Problem]:
    found = list(_ANY)
    if route.private:
        found += [Problem.MISSING_TOKEN, Problem.INVALID_TOKEN, Problem.ACCOUNT_DELETED, Problem.KEYS_UNAVAILABLE]
    headers = _headers(route)
    if _KEY in headers:
        found += [Problem.REQUEST_IN_PROGRESS, Problem.IDEMPOTENCY_KEY_REUSED]
    if _MATCH in headers:
        found += [Problem.PRECONDITION_FAILED, Problem.ENTITY_TAG_ALTERED]
    if _ABSENT in headers:
        found.append(Problem.KEY_REQUIRED)
    if "{user_id}" in route.path:
        found.append(Problem.FORBIDDEN)
    if isinstance(route, CookieRoute):
        found.append(Problem.ORIGIN_NOT_ALLOWED)
    if route.methods & {"POST", "PUT", "PATCH"}:
        found += _WITH_BODY
    return found


def _headers(route: PrivateRoute) -> list[dict[str, Any]]:
    """The request headers that the guarantees take: a row has an ETag where the repository of its owner gives it."""
    found = [_KEY] if route.keyed else []
    if route.repository is None:
        return found
    if route.methods & {"PUT", "PATCH", "DELETE"}:
        found.append(_MATCH)
    if route.methods == {"PUT"} and route.repository.puts:
        found.append(_ABSENT)
    tagged = gives_row(route.endpoint) or (gives_page(route.endpoint) and route.repository.puts)
    return [*found, _KNOWN] if route.methods == {"GET"} and tagged else found


def _finish(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    details = TypeAdapter(ProblemDetails).json_schema(ref_template=REF + "{model}")
    schemas.update(details.pop("$defs"))
    schemas["ProblemDetails"] = details
    components["schemas"] = dict(sorted(schemas.items()))
    schemes = components.setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return document
