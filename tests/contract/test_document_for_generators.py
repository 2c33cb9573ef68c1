"""What generators make types of: every place is described, what is left out is never null, headers are declared."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from core.problems import FieldCode
from tests.contract.described import undescribed
from tests.contract.operations import document, operations

DOCUMENT = document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
ALL = operations(DOCUMENT)
# The headers that a status has in every operation that has it.
OF_STATUS = {"401": {"WWW-Authenticate"}, "412": {"ETag"}, "429": {"Retry-After"}, "503": {"Retry-After"}}


def _reached(node: Any) -> Iterator[tuple[str, Any]]:
    """The schemas that a part of the document names, and those that they name."""
    names = [name for name in SCHEMAS if f'schemas/{name}"' in json.dumps(node)]
    for name in names:
        yield name, SCHEMAS[name]
        yield from _reached(SCHEMAS[name])


def test_it_is_of_the_version_that_generators_read_and_says_whose_it_is() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    info = DOCUMENT["info"]
    assert info["contact"]["name"]
    assert info["license"] == {"name": "MIT", "identifier": "MIT"}
    assert {tag for one in ALL for tag in one.spec["tags"]} == {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(tag["description"] for tag in DOCUMENT["tags"])
    assert DOCUMENT["servers"] == [{"url": "/"}]  # with ROOT_PATH: tests/core/http/test_root_path.py


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_no_parameter_is_null(operation: Any) -> None:
    for parameter in operation.spec.get("parameters", ()):
        assert "null" not in json.dumps(parameter["schema"])


def test_every_place_is_described() -> None:
    assert list(undescribed(DOCUMENT)) == []
    assert all(one["description"] for one in DOCUMENT["components"]["headers"].values())


def test_what_is_not_described_is_told() -> None:
    broken = copy.deepcopy(DOCUMENT)
    del broken["components"]["schemas"]["TaskCreate"]["properties"]["title"]["description"]
    listed = {one["name"]: one for one in broken["paths"]["/api/v1/users/{user_id}/tasks"]["get"]["parameters"]}
    del listed["sort"]["description"]
    del listed["user_id"]["description"]
    listed["limit"]["description"] = "How many"
    broken["components"]["schemas"]["Task"] = {"properties": {"user_id": {}, "version": {}, "title": {}}}
    assert list(undescribed(broken)) == [
        'listTasks: `user_id` has no description: Path(description="…") in its Annotated[…]',
        "listTasks: `limit` has a description without a full stop",
        'listTasks: `sort` has no description: Field(description="…") in its Annotated[…]',
        'TaskCreate.title has no description: Field(description="…")',
        "Task is a table and no schema: give the operation that returns it response_model=TaskRead",
    ]


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_a_request_has_no_default(operation: Any) -> None:
    """It would be a field that types demand."""
    for name, schema in _reached(operation.spec.get("requestBody", {})):
        assert [field for field, one in schema.get("properties", {}).items() if "default" in one] == [], name


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_what_needs_no_token_says_so(operation: Any) -> None:
    is_public = operation.path.startswith("/health/") or (
        operation.path.startswith("/api/v1/auth/") and operation.id != "changePassword"
    )
    assert operation.spec["security"] == ([] if is_public else [{"bearer": []}])


@pytest.mark.parametrize("operation", ALL, ids=lambda one: one.id)
def test_the_headers_of_every_response_are_declared(operation: Any) -> None:
    done = _reached(operation.spec["responses"].get("200", {}))
    of_many = any({"count", "ids"} <= schema.get("properties", {}).keys() for _, schema in done)
    for status, response in operation.spec["responses"].items():
        # The tag of which of them?
        told = set() if of_many and status == "412" else {*OF_STATUS.get(status, ())}
        assert set(response["headers"]) >= {"X-Request-ID", *told}, status
        if status == "201" and operation.path.startswith("/api/v1/users/"):
            assert {"Location", "ETag", "Idempotent-Replayed"} <= set(response["headers"])
    listed = {one.id for one in ALL if "Link" in one.spec["responses"].get("200", {}).get("headers", {})}
    assert "listTasks" in listed
    paged = {one.id for one in ALL if any(parameter["name"] == "sort" for parameter in one.spec.get("parameters", []))}
    assert listed == paged


def _inner(node: Any) -> Iterator[dict[str, Any]]:
    """The schemas that have no name of their own, wherever they are."""
    if isinstance(node, dict):
        yield node
        for name, one in node.items():
            if name not in ("examples", "example", "default"):
                yield from _inner(one)
    elif isinstance(node, list):
        for one in node:
            yield from _inner(one)


def test_no_type_is_named_after_a_place() -> None:
    """As `Of` and `Changes` were: Dart has no such class, and of two slices with a `Changes` one was `Changes1`."""
    named = [{name: one for name, one in schema.items() if name != "title"} for schema in SCHEMAS.values()]
    titled = [one["title"] for one in _inner([DOCUMENT["paths"], named]) if isinstance(one.get("title"), str)]
    assert titled == []
    assert {name: one["title"] for name, one in SCHEMAS.items()} == {name: name for name in SCHEMAS}


def test_no_field_is_a_choice_of_types() -> None:
    """Of one, generators for Kotlin and Swift make an empty type, which reads no number; Java's fails on `oneOf`."""
    fields = [one for schema in SCHEMAS.values() for one in schema.get("properties", {}).values()]
    choices = [one["anyOf"] for one in _inner(fields) if "anyOf" in one]
    assert choices
    assert [one for one in choices if len(one) != 2 or {"type": "null"} not in one] == []
    assert [one for one in _inner(fields) if "oneOf" in one or isinstance(one.get("type"), list)] == []


def test_one_type_reads_every_problem() -> None:
    """Also those of statuses and codes that an app of last year has never heard of."""
    details = SCHEMAS["ProblemDetails"]
    assert (details["properties"]["code"]["type"], details["properties"]["status"]["type"]) == ("string", "integer")
    for name, one in SCHEMAS.items():
        if name.endswith("Problem"):
            assert one["required"] == details["required"], name
            told = {field: {**of, "const": None} for field, of in one["properties"].items()}
            assert told == {field: {**of, "const": None} for field, of in details["properties"].items()}, name


def test_codes_are_constants() -> None:
    """So that a misspelt one compiles nowhere."""
    problems = {name: one for name, one in SCHEMAS.items() if name.endswith("Problem")}
    assert len(problems) > 20
    assert [name for name, one in problems.items() if "const" not in one["properties"]["code"]] == []
    assert SCHEMAS["FieldCode"]["enum"] == list(FieldCode)
    assert "FieldCode" in json.dumps(SCHEMAS["FieldError"]["properties"]["code"])
