"""Each rule on the OpenAPI document is seen to find a breach that was planted."""

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter

from tests.contract.document_rules import breaches
from tests.contract.operations import document

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
RESPONSE_MODEL = "give it a response_model, or a response_class with its media_type"
MEDIA_TYPE = "give it a response_class with its media_type"
Breach = Callable[[dict[str, Any]], None]


def _operation(broken: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = broken["paths"]["/api/v1/users/{user_id}/tasks"]["post"]
    return found


def _schema(broken: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = broken["components"]["schemas"][name]
    return found


def _created(broken: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _operation(broken)["responses"]["201"]
    return found


BREACHES: dict[str, Breach] = {
    "createTask: not exactly one tag": lambda broken: _operation(broken)["tags"].append("more"),
    "createTask: does not declare 401": lambda broken: _operation(broken)["responses"].pop("401"),
    "createTask: does not declare 403": lambda broken: _operation(broken)["responses"].pop("403"),
    "createTask: does not declare 415": lambda broken: _operation(broken)["responses"].pop("415"),
    "createTask: 400 is not a problem of the catalogue": lambda broken: _operation(broken)["responses"]["400"].pop(
        "content"
    ),
    f"createTask: 201 has 0 media types, not one: {MEDIA_TYPE}": lambda broken: _created(broken).pop("content"),
    f"createTask: 201 has 2 media types, not one: {MEDIA_TYPE}": lambda broken: _created(broken)["content"].update(
        {"text/csv": {"schema": {"type": "string"}}}
    ),
    f"createTask: 201 has no schema: {RESPONSE_MODEL}": lambda broken: _created(broken)["content"][
        "application/json"
    ].update(schema={}),
    "TaskRead.user_id: not for a client: leave it out of the schema": lambda broken: _schema(broken, "TaskRead")[
        "properties"
    ].update(user_id={"type": "string"}),
    "TaskRead.version: not for a client: leave it out of the schema": lambda broken: _schema(broken, "TaskRead")[
        "properties"
    ].update(version={"type": "integer"}),
    "createTask: security that is not the bearer token": lambda broken: _operation(broken).update(security=[]),
    "createTask: not exactly one successful response": lambda broken: _operation(broken)["responses"].pop("201"),
    "createTask: its body may be left out": lambda broken: _operation(broken)["requestBody"].pop("required"),
    "createTask: `title` is a text of any length: give it a max_length": lambda broken: _schema(broken, "TaskCreate")[
        "properties"
    ]["title"].pop("maxLength"),
    "createTask: takes unknown fields": lambda broken: _schema(broken, "TaskCreate").pop("additionalProperties"),
    "createTask: takes `user_id`, which is not the client's to say": lambda broken: _schema(broken, "TaskCreate")[
        "properties"
    ].update(user_id={"type": "string"}),
    "Create_Task: not a short name in camelCase": lambda broken: _operation(broken).update(operationId="Create_Task"),
    "getTask: the name of 2 operations": lambda broken: _operation(broken).update(operationId="getTask"),
    "createTask: 422 is not a problem of the catalogue": lambda broken: _operation(broken)["responses"].update(
        {"422": {"description": "Validation Error", "content": PROBLEM}}
    ),
    "the document mentions HTTPValidationError": lambda broken: broken["components"]["schemas"].update(
        HTTPValidationError={"type": "object"}
    ),
    "TaskRead.description: a default in a response": lambda broken: _schema(broken, "TaskRead")["properties"][
        "description"
    ].update(default=None),
}


def test_a_file_is_no_breach() -> None:
    changed = copy.deepcopy(document())
    _created(changed)["content"] = {"text/csv": {"schema": {"type": "string"}}}
    assert breaches(changed) == breaches(document()) == []


def _body_of_many(changed: dict[str, Any]) -> None:
    content = _operation(changed)["requestBody"]["content"]["application/json"]
    content["schema"] = {"type": "array", "items": content["schema"]}


def test_a_list_is_as_strict_as_its_items() -> None:
    changed = copy.deepcopy(document())
    _body_of_many(changed)
    assert breaches(changed) == []
    _schema(changed, "TaskCreate").pop("additionalProperties")
    assert breaches(changed) == ["createTask: takes unknown fields"]


@pytest.mark.parametrize("bounds", [{}, {"gt": 0}, {"ge": 0, "le": 1000}])
def test_a_decimal_number_has_no_length(bounds: dict[str, int]) -> None:
    changed = copy.deepcopy(document())
    amount = Annotated[Decimal, Field(max_digits=12, decimal_places=2, **bounds)]
    _schema(changed, "TaskCreate")["properties"]["amount"] = TypeAdapter(amount).json_schema()
    assert breaches(changed) == []


def test_a_body_that_is_no_json_must_be_given_too() -> None:
    changed = copy.deepcopy(document())
    body = _operation(changed)["requestBody"]
    body["content"] = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
    assert breaches(changed) == []
    body.pop("required")
    assert breaches(changed) == ["createTask: its body may be left out"]


@pytest.mark.parametrize("breach", BREACHES)
def test_a_planted_breach_of_the_document_is_found(breach: str) -> None:
    broken = copy.deepcopy(document())
    BREACHES[breach](broken)
    assert breach in breaches(broken)
