"""The requests that are made from the document alone, for what the shipped operations do not have."""

from typing import Any

from tests.contract.operations import Operation, with_more

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
    assert _operation(parameters=SPAN).request("me")["params"] == {"first": "2030-01-31"}


def test_a_list_is_one_of_examples() -> None:
    operation = _taking({"type": "array", "items": {"$ref": "#/components/schemas/Item"}})
    assert operation.request("me")["json"] == [{"size": 1}]


def test_a_row_that_need_not_be_named_is_named_where_it_was_made() -> None:
    operation = _taking({"type": "object", "properties": {"parent_id": PARENT, "size": {"type": "integer"}}})
    assert operation.request("me")["json"] == {"parent_id": None, "size": 1}
    assert operation.request("me", parent_id="a")["json"] == {"parent_id": "a", "size": 1}


def test_more_is_added_to_a_call() -> None:
    call = {"method": "PUT", "headers": {"Content-Type": "image/png"}}
    added = with_more(call, headers={"If-Match": '"1"'}, params={"a": "b"}, json={})
    headers = {"Content-Type": "image/png", "If-Match": '"1"'}
    assert added == {"method": "PUT", "headers": headers, "params": {"a": "b"}, "json": {}}
