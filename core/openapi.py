"""The OpenAPI document: what FastAPI finds out, with every failure as problem+json and without its 422."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from core.config import VERSION
from core.errors import Problem, ProblemDetails

_REF = "#/components/schemas/"
_ANY = (Problem.VALIDATION_FAILED, Problem.INTERNAL_ERROR, Problem.DATABASE_UNAVAILABLE)
_WITH_BODY = (Problem.BODY_TIMEOUT, Problem.BODY_TOO_LARGE, Problem.UNSUPPORTED_MEDIA_TYPE)


_HEADERS = {
    name: {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
    for name, text in (
        (
            "Idempotency-Key",
            "A text of the client's own for this create: a repeat with it gives the first answer again.",
        ),
        ("If-Match", "The ETag that the client has read: 412 if there is a newer version."),
        ("If-None-Match", "The ETag that the client has: 304 if it is still the version."),
    )
}


def problems(*found: Problem) -> dict[int | str, dict[str, Any]]:
    """`responses` of an operation: the problems that it has besides those of every operation."""
    statuses = sorted({problem.status for problem in found})
    return {
        status: {
            "description": "; ".join(problem.title for problem in found if problem.status == status),
            "content": {"application/problem+json": {"schema": {"$ref": f"{_REF}ProblemDetails"}}},
        }
        for status in statuses
    }


def declare(path: str, options: dict[str, Any], *, private: bool) -> dict[str, Any]:
    """The options of an operation with the problems and the security that follow from where it stands."""
    general = list(_ANY)
    methods = set(options.get("methods") or ())
    headers: list[str] = []
    unchanged: dict[int | str, dict[str, Any]] = {}
    if private:
        general += [Problem.MISSING_TOKEN, Problem.INVALID_TOKEN, Problem.KEYS_UNAVAILABLE]
        if "POST" in methods and options.get("status_code") == 201:
            general += [Problem.REQUEST_IN_PROGRESS, Problem.IDEMPOTENCY_KEY_REUSED]
            headers.append("Idempotency-Key")
        if path.endswith("}"):
            headers.append("If-None-Match" if "GET" in methods else "If-Match")
            general += [] if "GET" in methods else [Problem.PRECONDITION_FAILED]
            unchanged = {304: {"description": "The client has this version"}} if "GET" in methods else {}
        parameters = [_HEADERS[name] for name in headers]
        options["openapi_extra"] = {"security": [{"bearer": []}], **({"parameters": parameters} if parameters else {})}
    if "{user_id}" in path:
        general.append(Problem.FORBIDDEN)
    if methods & {"POST", "PUT", "PATCH"}:
        general += _WITH_BODY
    options["responses"] = {**unchanged, **problems(*general), **(options.get("responses") or {})}
    return options


def operation_id(route: APIRoute) -> str:
    """`create_task` becomes `createTask`."""
    head, *tail = route.name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def install(app: FastAPI, description: str) -> None:
    """Makes `app.openapi()` give the finished document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _finish(
                get_openapi(
                    title=app.title,
                    version=VERSION,
                    description=description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _finish(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    details = TypeAdapter(ProblemDetails).json_schema(ref_template=_REF + "{model}")
    schemas.update(details.pop("$defs"))
    schemas["ProblemDetails"] = details
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return document
