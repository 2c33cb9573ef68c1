"""The OpenAPI document: what FastAPI finds out, with every failure as problem+json and without its 422."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from core.config import VERSION
from core.http.declarations import REF, problems
from core.http.dependencies import gives_row
from core.http.routing import CookieRoute, PrivateRoute
from core.problems import Problem, ProblemDetails

_ANY = (Problem.VALIDATION_FAILED, Problem.INTERNAL_ERROR, Problem.DATABASE_UNAVAILABLE)
_WITH_BODY = (Problem.BODY_TIMEOUT, Problem.BODY_TOO_LARGE, Problem.UNSUPPORTED_MEDIA_TYPE)


_HEADERS = {
    name: {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
    for name, text in (
        (
            "Idempotency-Key",
            "A text of the client's own for this create: a repeat with it gives the first response again.",
        ),
        (
            "If-Match",
            "The ETag that the client has read: 412 if there is a newer version, or if it is of another user.",
        ),
        ("If-None-Match", "The ETag that the client has: 304 if it is still the version, and of the same user."),
    )
}


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
    names = _headers(route)
    if "If-None-Match" in names:
        operation["responses"].setdefault("304", {"description": "The client has this version"})
    if names:
        operation["parameters"] = [*operation.get("parameters", ()), *(_HEADERS[name] for name in names)]
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _general_problems(route: PrivateRoute) -> list[Problem]:
    found = list(_ANY)
    if route.private:
        found += [Problem.MISSING_TOKEN, Problem.INVALID_TOKEN, Problem.ACCOUNT_DELETED, Problem.KEYS_UNAVAILABLE]
    if route.creates:
        found += [Problem.REQUEST_IN_PROGRESS, Problem.IDEMPOTENCY_KEY_REUSED]
    if "If-Match" in _headers(route):
        found += [Problem.PRECONDITION_FAILED, Problem.ENTITY_TAG_ALTERED]
    if "{user_id}" in route.path:
        found.append(Problem.FORBIDDEN)
    if isinstance(route, CookieRoute):
        found.append(Problem.ORIGIN_NOT_ALLOWED)
    if route.methods & {"POST", "PUT", "PATCH"}:
        found += _WITH_BODY
    return found


def _headers(route: PrivateRoute) -> list[str]:
    """The request headers that the guarantees take: a row has an ETag where the repository of its owner gives it."""
    if route.creates:
        return ["Idempotency-Key"]
    if not route.private or route.repository is None:
        return []
    if route.methods & {"PUT", "PATCH", "DELETE"}:
        return ["If-Match"]
    return ["If-None-Match"] if route.methods == {"GET"} and gives_row(route.endpoint) else []


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
