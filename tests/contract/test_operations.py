"""The requests that are made from the document alone, for what the shipped operations do not have."""

import re
from decimal import Decimal
from itertools import count
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from tests.contract.operations import FORMATS, Operation, example, with_more
from tests.contract.resource_walls import other

SPAN = [
    {"name": "user_id", "in": "path", "required": True, "schema": {"type": "string"}},
    {"name": "first", "in": "query", "required": True, "schema": {"type": "string", "format": "date"}},
    {"name": "tag", "in": "query", "required": False, "schema": {"type": "string"}},
    {"name": "X-Word", "in": "header", "required": False, "schema": {"type": "string"}},
]
PARENT = {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}
ITEM = {"type": "object", "properties": {"size": {"type": "integer"}}}


def _operation(content: dict[str, Any] | None = None, parameters: Any = ()) -> Operation:
    body = {"requestBody": {"required": True, "content": content}} if content else {}
    spec = {"operationId": "doIt", "parameters": parameters, **body}
    return Operation("put", "/users/{user_id}/it", spec, {"Item": ITEM})


def _taking(schema: dict[str, Any]) -> Operation:
    return _operation({"application/json": {"schema": schema}})


def test_a_body_that_is_no_json_is_sent_as_what_it_is() -> None:
    operation = _operation({"image/png": {"schema": {"type": "string", "format": "binary"}}})
    assert operation.body_schema is None
    assert operation.parents == []
    call = operation.request("me")
    assert (set(call), call["headers"]) == ({"method", "url", "content", "headers"}, {"Content-Type": "image/png"})
    assert call["content"]


def test_what_takes_no_body_gets_none() -> None:
    assert _operation().request("me") == {"method": "PUT", "url": "/users/me/it"}


def test_what_the_query_must_have_is_given() -> None:
    params = _operation(parameters=SPAN).request("me")["params"]
    assert [*params] == ["first"]
    assert re.fullmatch(r"2030-01-\d\d", params["first"])


def test_a_list_is_one_of_examples() -> None:
    operation = _taking({"type": "array", "items": {"$ref": "#/components/schemas/Item"}})
    assert [[*one] for one in operation.request("me")["json"]] == [["size"]]


def test_a_row_that_need_not_be_named_is_named_where_it_was_made() -> None:
    operation = _taking({"type": "object", "properties": {"parent_id": PARENT, "size": {"type": "integer"}}})
    for given, expected in (({}, None), ({"parent_id": "a"}, "a")):
        body = operation.request("me", **given)["json"]
        assert (set(body), body["parent_id"]) == ({"parent_id", "size"}, expected)


def test_more_is_added_to_a_call() -> None:
    call = {"method": "PUT", "headers": {"Content-Type": "image/png"}}
    added = with_more(call, headers={"If-Match": '"1"'}, params={"a": "b"}, json={})
    headers = {"Content-Type": "image/png", "If-Match": '"1"'}
    assert added == {"method": "PUT", "headers": headers, "params": {"a": "b"}, "json": {}}


Kind = Annotated[Any, "a type of a field"]
CODE = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["EUR", "USD", "CHF"])]
SHORT = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=3)]


@pytest.mark.parametrize(
    ("kind", "several"),
    [
        (str, True),
        (SHORT, True),
        (Annotated[str, Field(min_length=60, max_length=60)], True),
        (CODE, True),
        (CODE | None, True),
        (Annotated[CODE | None, Field(examples=["GBP", "JPY"])], True),
        (int, True),
        (Annotated[int, Field(ge=-5, le=5)], True),
        (Annotated[int, Field(gt=100, lt=110)], True),
        (Annotated[int, Field(ge=3, le=4)], False),
        (Annotated[Decimal, Field(gt=0, max_digits=3, decimal_places=2)], False),
        (Annotated[float, Field(ge=0, le=5)], False),
    ],
)
@pytest.mark.parametrize("made_before", [0, 70_000])
def test_an_example_and_another_one_fit_and_a_user_may_have_one_of_each(
    kind: Kind, several: bool, made_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there may be several, however many were made. What is stored without the space around it is what was
    sent."""
    monkeypatch.setattr("tests.contract.operations._NUMBERS", count(made_before))
    takes = TypeAdapter(kind)
    schema = takes.json_schema()
    made = [example(schema, {}) for _ in range(4)]
    for one in made:
        another = other(one, schema, {})
        assert (takes.validate_python(one), takes.validate_python(another)) == (one, another)
        assert one != another
    assert len(set(made[:2])) == (2 if several else 1)


class Item(BaseModel):
    """With an example for readers, which leaves a field out."""

    model_config = {"json_schema_extra": {"examples": [{"size": 1}]}}

    size: int = 0
    name: str = ""


def test_a_body_has_every_field_whatever_its_example_has() -> None:
    assert {*example(Item.model_json_schema(), {})} == {"size", "name"}


@pytest.mark.parametrize("kind", [*FORMATS, "uuid"])
def test_a_user_may_have_one_row_of_each_value_of_a_format(kind: str) -> None:
    schema = {"type": "string", "format": kind}
    made = {example(schema, {}) for _ in range(9)}
    assert len(made) == 9
    assert not made & {other(one, schema, {}) for one in made}
