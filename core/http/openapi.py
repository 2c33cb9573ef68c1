"""The OpenAPI document: what FastAPI finds out, with every failure as problem+json and without its 422."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from core.config import VERSION
from core.http import idempotency
from core.http.declarations import REF, with_problems
from core.http.document_parts import add_headers, gives_many, gives_page, gives_row, headers, problem_schemas, tags
from core.http.document_schemas import as_an_input, drop_titles, fill_examples, plain_parameters
from core.http.routing import CookieRoute, PrivateRoute
from core.problems import Problem
from core.resources import preconditions

_ANY = (Problem.VALIDATION_FAILED, Problem.INTERNAL_ERROR)
_WITH_BODY = (
    Problem.MALFORMED_JSON,
    Problem.BODY_TIMEOUT,
    Problem.BODY_TOO_LARGE,
    Problem.UNSUPPORTED_MEDIA_TYPE,
    Problem.SHUTTING_DOWN,  # where the body has not come to its end by then
)


def _header(name: str, text: str, **schema: Any) -> dict[str, Any]:
    of = {"type": "string", **schema}
    return {"name": name, "in": "header", "required": False, "description": text, "schema": of}


# The headers of problems.
_OF_STATUS = {"401": ["WWW-Authenticate"], "412": ["ETag"], "429": ["Retry-After"], "503": ["Retry-After"]}

_KEY = _header(
    "Idempotency-Key",
    "A text of the client's own for this write: a repeat with it within a day has no second effect, and gets the first "
    "response's status with what there is now, without content where that was deleted. Another body is 422, also one "
    "that has the same members in another order.",
    pattern=idempotency.PATTERN,
)
_MATCH = _header(
    "If-Match",
    "The ETag that the client has read: 412 if there is a newer version, or if it is of another user.",
    pattern=preconditions.PATTERN,
)
_KNOWN = _header(
    "If-None-Match",
    "The ETag that the client has: 304 if nothing has changed, and it is the user's own.",
    pattern=preconditions.PATTERN,
)
_ABSENT = _header(
    "If-None-Match",
    "`*` makes it under this id, where there is none: 412 if there is one. Not with If-Match.",
    enum=["*"],  # some generators take no `const` in a header
)
# Of an operation that does not take it, as it takes no repository: the path is compared with the token all the same.
_USER_ID = {"name": "user_id", "in": "path", "required": True, "schema": {"type": "string"}}


def install(app: FastAPI, description: str, root_path: str) -> None:
    """Makes `app.openapi()` give the finished document, of an API whose paths clients find below `root_path`."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=VERSION,
                description=description,
                routes=app.routes,
                tags=app.openapi_tags,
                contact={"name": f"The maintainers of the {app.title}"},
                license_info={"name": "MIT", "identifier": "MIT"},
                servers=[{"url": root_path or "/"}],
            )
            ours = [one for one in app.routes if isinstance(one, PrivateRoute) and one.include_in_schema]
            for route in ours:
                for method in route.methods:
                    _complete(made["paths"][route.path_format][method.lower()], route)
            app.openapi_schema = _finish({"tags": tags(ours), **made})
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], route: PrivateRoute) -> None:
    """Adds the problems, the headers and the security that follow from what guards an operation."""
    responses: dict[str, Any] = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]  # FastAPI's own; a body that is not valid is 400 here
    general = _general_problems(route)
    for number in {one.status for one in general}:
        of_status = [one for one in general if one.status == number]
        responses[str(number)] = with_problems(responses.get(str(number)), *of_status)
    operation.setdefault("security", [{"bearer": []}] if route.private else [])
    declared = [(one["name"], one["in"]) for one in operation.get("parameters", ())]
    if "{user_id}" in route.path and ("user_id", "path") not in declared:
        operation["parameters"] = [_USER_ID, *operation.get("parameters", ())]
    found = _request_headers(route)
    if _KNOWN in found:
        responses.setdefault("304", {"description": "The client has this version"})
    if _ABSENT in found:
        responses.setdefault("201", {**responses["200"], "description": "Created"})
    if found:
        operation["parameters"] = [*operation.get("parameters", ()), *found]
    for status, response in responses.items():
        add_headers(response, _response_headers(route, status))
    operation["responses"] = dict(sorted(responses.items()))


def _general_problems(route: PrivateRoute) -> list[Problem]:
    found = list(_ANY)
    if route.private:
        found += [Problem.MISSING_TOKEN, Problem.INVALID_TOKEN, Problem.ACCOUNT_DELETED, Problem.KEYS_UNAVAILABLE]
    taken = _request_headers(route)
    if _KEY in taken:
        found += [Problem.REQUEST_IN_PROGRESS, Problem.IDEMPOTENCY_KEY_REUSED]
    if _MATCH in taken:
        found += [Problem.PRECONDITION_FAILED, Problem.ENTITY_TAG_ALTERED]
    if _ABSENT in taken:
        found.append(Problem.KEY_REQUIRED)
    if "{user_id}" in route.path:
        found.append(Problem.FORBIDDEN)
    if isinstance(route, CookieRoute):
        found.append(Problem.ORIGIN_NOT_ALLOWED)
    if route.bounded:
        found += [Problem.OVERLOADED, Problem.DATABASE_UNAVAILABLE]
    if route.methods & {"POST", "PUT", "PATCH"}:
        found += _WITH_BODY
    return found


def _request_headers(route: PrivateRoute) -> list[dict[str, Any]]:
    """The request headers that the guarantees take: a row has an ETag where the repository of its owner gives it."""
    found = [_KEY] if route.keyed else []
    if route.repository is None:
        return found
    if route.methods & {"PUT", "PATCH", "DELETE"} and not gives_many(route.endpoint):
        found.append(_MATCH)
    if route.methods == {"PUT"} and route.repository.puts:
        found.append(_ABSENT)
    tagged = gives_row(route.endpoint) or (gives_page(route.endpoint) and route.repository.puts)
    return [*found, _KNOWN] if route.methods == {"GET"} and tagged else found


def _response_headers(route: PrivateRoute, status: str) -> list[str]:
    names = ["X-Request-ID", *_OF_STATUS.get(status, ())]
    if gives_many(route.endpoint) and status == "412":
        names.remove("ETag")  # of which of them?
    if status == "409" and route.keyed:
        names.append("Retry-After")
    if status not in ("200", "201", "204", "304"):
        return names
    page = gives_page(route.endpoint)
    if gives_row(route.endpoint) or page:
        names.append("ETag")
    if page and status == "200":
        names.append("Link")
    if status == "201" and route.private:
        names.append("Location")
    return [*names, "Idempotent-Replayed"] if route.keyed and status != "304" else names


def _finish(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    used = json.dumps(document["paths"])
    schemas.update({name: one for name, one in problem_schemas().items() if _is_used(name, used)})
    components["headers"] = headers()
    for item in document["paths"].values():
        for operation in item.values():
            plain_parameters(operation)
            as_an_input(operation.get("requestBody", {}), schemas)
    drop_titles([document["paths"], schemas])
    for name, schema in schemas.items():
        schema["title"] = name
    fill_examples(schemas)
    components["schemas"] = dict(sorted(schemas.items()))
    schemes = components.setdefault("securitySchemes", {})
    said = "A JWT whose `sub` is the current user: Better Auth's, or `access_token` of a local account's sign-in."
    schemes["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": said}
    return document


def _is_used(name: str, text: str) -> bool:
    return f'"{REF}{name}"' in text or not name.endswith("Problem")
