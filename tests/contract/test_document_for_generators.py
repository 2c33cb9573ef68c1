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


def test_codes_are_constants() -> None:
    """So that a misspelt one compiles nowhere."""
    problems = {name: one for name, one in SCHEMAS.items() if name.endswith("Problem")}
    assert len(problems) > 20
    assert [name for name, one in problems.items() if set(one["properties"]["code"]) & {"const"} == set()] == []
    assert SCHEMAS["FieldCode"]["enum"] == list(FieldCode)
    assert "FieldCode" in json.dumps(SCHEMAS["FieldError"]["properties"]["code"])
