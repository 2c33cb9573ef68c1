"""What the OpenAPI document has on responses: a schema for each problem, the headers, and what an endpoint gives."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, get_origin, get_type_hints

from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from core.http.declarations import REF, schema_of
from core.http.problem_examples import example_of
from core.problems import Problem, ProblemDetails
from core.resources.many_schemas import Written
from core.resources.models import Versioned
from core.resources.pagination import Page

HEADERS = {
    "ETag": "The version of the row, for `If-Match`; of a list that nothing has changed since, for `If-None-Match`. Of "
    "what is compressed it ends in `-gzip`.",
    "Idempotent-Replayed": "`true` where the request is a repeat, by its Idempotency-Key.",
    "Link": 'Where the next page is: `<…>; rel="next"` (RFC 8288). Absent on the last one.',
    "Location": "Where the new row is.",
    "Retry-After": "Seconds until the same request makes sense again.",
    "WWW-Authenticate": "How to authenticate (RFC 6750, section 3).",
    "X-Request-ID": "The request's own, or a new one; the log has it as `request_id`.",
}


def headers() -> dict[str, Any]:
    """`components.headers`."""
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()}


def add_headers(response: dict[str, Any], names: Iterable[str]) -> None:
    """Declares that the response has them."""
    found = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    response["headers"] = {**found, **response.get("headers", {})}


def tags(routes: Iterable[APIRoute]) -> list[dict[str, str]]:
    """`tags`: each that an operation has, described by the first line of the file that its first operation is in."""
    found: dict[str, str] = {}
    for route in routes:
        said = getattr(sys.modules.get(route.endpoint.__module__), "__doc__", None) or ""
        for tag in route.tags:
            found.setdefault(str(tag), said.split("\n")[0])
    return [{"name": name, "description": text} for name, text in found.items()]


def problem_schemas() -> dict[str, Any]:
    """A schema for each problem, whose `code` is a constant, one that reads every problem, and what those refer to."""
    details = TypeAdapter(ProblemDetails).json_schema(ref_template=REF + "{model}")
    made: dict[str, Any] = {**details.pop("$defs"), ProblemDetails.__name__: details}
    del details["properties"]["data"]
    for problem in Problem:
        named: dict[str, dict[str, Any]] = {"status": {"const": problem.status}, "code": {"const": problem.code}}
        made[schema_of(problem)] = {
            "type": "object",
            "description": problem.title,
            "properties": {name: {**field, **named.get(name, {})} for name, field in details["properties"].items()},
            "required": details["required"],
            "examples": [example_of(problem)],
        }
    return made


def gives_page(endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint says that it gives a page of a list."""
    return get_origin(get_type_hints(endpoint).get("return")) is Page


def gives_row(endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint says that it gives one row with a version, of which its ETag is made."""
    given = get_type_hints(endpoint).get("return")
    return isinstance(given, type) and issubclass(given, Versioned)


def gives_many(endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint says that it writes many rows, none of which has a tag of its own in If-Match."""
    return get_type_hints(endpoint).get("return") is Written
