"""Every error that pydantic has becomes one of our codes with its parameters, or is known never to come of an input."""

import ast
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import AfterValidator, Field, PastDatetime, SecretStr, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import ErrorType

from core.http.field_errors import _RULES, field_error
from core.problems import FieldCode, FieldParams
from tests.conftest import UserClient, assert_problem, project_root

# What no JSON, no query and no header brings about: they are of calls, of Python's own objects, and of bugs. A slice's
# assertion is one. They are `invalid`, as whatever a newer pydantic has.
NEVER = {
    *("no_such_attribute", "needs_python_object", "recursion_loop", "recursion_depth_exceeded", "get_attribute_error"),
    *("frozen_field", "frozen_instance", "dataclass_exact_type", "default_factory_not_called", "iteration_error"),
    *("assertion_error", "missing_sentinel_error", "ellipsis_error", "is_instance_of", "is_subclass_of"),
    *("callable_type", "union_tag_not_found", "arguments_type", "missing_argument", "unexpected_keyword_argument"),
    *("missing_keyword_only_argument", "unexpected_positional_argument", "missing_positional_only_argument"),
    "multiple_argument_values",
}
# What pydantic gives with its errors.
CONTEXTS: dict[str, dict[str, Any]] = {
    **{name: {"min_length": 3} for name in ("string_too_short", "bytes_too_short")},
    **{name: {"max_length": 7} for name in ("string_too_long", "bytes_too_long", "url_too_long")},
    "too_short": {"field_type": "List", "min_length": 3, "actual_length": 1},
    "too_long": {"field_type": "List", "max_length": 7, "actual_length": 9},
    "greater_than_equal": {"ge": 1},
    "greater_than": {"gt": 0.5},
    "less_than_equal": {"le": 100},
    "less_than": {"lt": 10},
    "multiple_of": {"multiple_of": 5},
    "decimal_max_digits": {"max_digits": 4},
    "decimal_max_places": {"decimal_places": 2},
    "decimal_whole_digits": {"whole_digits": 2},
    "string_pattern_mismatch": {"pattern": "^a$"},
    "enum": {"expected": "'a', 'b' or 3"},
    "literal_error": {"expected": "'it\\'s' or 'a, b'"},
    "union_tag_invalid": {"discriminator": "'kind'", "tag": "x", "expected_tags": "'cat', 'dog'"},
    "value_error": {"error": "Must be a colour"},
}
# What it wants besides, and we do not tell.
OTHERS = {
    **dict.fromkeys(("error", "encoding", "encoding_error", "class_name", "expected_schemes"), "x"),
    **dict.fromkeys(("tz_expected", "tz_actual", "expected_version"), 1),
}
PARAMS: dict[str, dict[str, Any]] = {
    "enum": {"allowed": ["a", "b", 3]},
    "literal_error": {"allowed": ["it's", "a, b"]},
    "union_tag_invalid": {"allowed": ["cat", "dog"]},
    "greater_than_equal": {"min": 1},
    "greater_than": {"above": 0.5},
    "less_than_equal": {"max": 100},
    "less_than": {"below": 10},
    "multiple_of": {"of": 5},
    "decimal_max_digits": {"max": 4},
    "decimal_max_places": {"max": 2},
    "decimal_whole_digits": {"max": 2},
    "string_pattern_mismatch": {"pattern": "^a$"},
    **{name: {"min": 3} for name in ("string_too_short", "bytes_too_short", "too_short")},
    **{name: {"max": 7} for name in ("string_too_long", "bytes_too_long", "url_too_long", "too_long")},
    **{name: {"below": "now"} for name in ("date_past", "datetime_past")},
    **{name: {"above": "now"} for name in ("date_future", "datetime_future")},
    **{name: {} for name in ("missing", "extra_forbidden", "invalid_key", "value_error")},
}


def _of(kind: Any, value: Any) -> Mapping[str, Any]:
    """What is made of the one thing that is wrong with the value."""
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(kind).validate_python(value)
    (item,) = raised.value.errors(include_url=False)
    return field_error({**item, "loc": ("body", "field", *item["loc"])})


def test_every_error_of_pydantic_is_mapped_or_known_never_to_come() -> None:
    """Red with a newer pydantic: say which of our codes its new errors are."""
    assert set(_RULES) | NEVER == set(get_args(ErrorType))
    assert set(_RULES) & NEVER == set()


@pytest.mark.parametrize("kind", sorted(_RULES))
def test_an_error_of_pydantic_has_its_code_and_parameters(kind: Any) -> None:
    def fail(_: object) -> object:
        raise PydanticKnownError(kind, OTHERS | CONTEXTS.get(kind, {}))

    error = _of(Annotated[Any, AfterValidator(fail)], 1)
    assert error["code"] in set(FieldCode)
    params = error.get("params", {})
    if kind in PARAMS:
        assert params == PARAMS[kind]
    else:
        assert set(params) == {"expected"}
        assert error["code"] in (FieldCode.WRONG_TYPE, FieldCode.MALFORMED)
    assert "{" not in error["message"]


@pytest.mark.parametrize(
    ("kind", "value", "code", "params"),
    [
        (Annotated[Decimal, Field(ge=Decimal("0.1"))], "0.01", "too_small", {"min": "0.1"}),
        (Annotated[date, Field(lt=date(2030, 1, 1))], "2031-01-01", "too_large", {"below": "2030-01-01"}),
        (PastDatetime, datetime(9000, 1, 1, tzinfo=UTC), "too_large", {"below": "now"}),
        (Literal["a", 2], "b", "not_allowed", {"allowed": ["a", 2]}),
        (Annotated[str, Field(pattern="^[a-z]+$")], "A", "malformed", {"pattern": "^[a-z]+$"}),
    ],
)
def test_parameters_are_what_the_declaration_says(kind: Any, value: Any, code: str, params: dict[str, Any]) -> None:
    error = _of(kind, value)
    assert (error["code"], error["params"]) == (code, params)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Annotated[SecretStr, Field(min_length=8)], "abc", "Must have at least 8 characters"),
        (Annotated[SecretStr, Field(max_length=2)], "abc", "Must have at most 2 characters"),
        (Annotated[list[int], Field(min_length=2)], [1], "Must have at least 2 items"),
        (Annotated[dict[str, int], Field(min_length=1)], {}, "Must have at least 1 item"),
    ],
)
def test_a_length_is_told_in_what_it_counts(kind: Any, value: Any, message: str) -> None:
    assert _of(kind, value)["message"] == message


def test_a_validator_of_a_slice_gives_a_code_of_ours_and_its_parameters() -> None:
    def ours(_: str) -> str:
        raise PydanticCustomError("too_short", "Must have {min} words", {"min": 3, "secret": 1})

    def unknown(_: str) -> str:
        raise PydanticCustomError("too_green", "is too green: {sent}", {"sent": "leaf"})

    def plain(_: str) -> str:
        raise ValueError("Must be a colour")

    def of(check: Any) -> Mapping[str, Any]:
        return _of(Annotated[str, AfterValidator(check)], "x")

    place = {"pointer": "/field"}
    assert of(ours) == {**place, "code": "too_short", "message": "Must have 3 words", "params": {"min": 3}}
    assert of(unknown) == {**place, "code": "invalid", "message": "This value is not valid"}
    assert of(plain) == {**place, "code": "invalid", "message": "Must be a colour"}


def test_what_is_sent_is_told_by_code(alice: UserClient) -> None:
    response = alice.post(alice.tasks, json={"title": "", "status": "done", "due_at": "soon", "colour": 1})
    problem = assert_problem(response, 400, "validation_failed")
    assert {one["pointer"]: (one["code"], one.get("params")) for one in problem["errors"]} == {
        "/title": ("too_short", {"min": 1}),
        "/status": ("not_allowed", {"allowed": ["pending", "in_progress", "completed"]}),
        "/due_at": ("malformed", {"expected": "date-time"}),
        "/colour": ("unknown_field", None),
    }


def test_every_code_is_given_somewhere() -> None:
    """By pydantic's errors, or in the product."""
    by_rules = {rule.code for rule in _RULES.values()}
    named = set()
    for folder in ("core", "modules"):
        for file in (project_root() / folder).rglob("*.py"):
            if file.name in ("problems.py", "problem_advice.py"):
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "FieldCode":
                    named.add(FieldCode[node.attr])
                if isinstance(node, ast.Constant) and node.value in ("nul_character", "other_id"):
                    named.add(FieldCode(node.value))
    assert by_rules | named | {FieldCode.INVALID} == set(FieldCode)


def test_the_document_lists_the_codes(alice: UserClient) -> None:
    schemas = alice.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["FieldCode"]["enum"] == list(FieldCode)
    assert set(schemas["FieldParams"]["properties"]) == set(FieldParams.__annotations__)


def test_a_value_error_of_pydantics_own_types_repeats_nothing() -> None:
    """EmailStr's has no `error`, and a text that quotes what was sent."""
    item = {"type": "value_error", "loc": ("body", "email"), "msg": "not valid: ü@x", "ctx": {"reason": "ü@x"}}
    assert field_error(item) == {"pointer": "/email", "message": "This value is not valid", "code": "invalid"}
