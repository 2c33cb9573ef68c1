"""What is wrong with one input: a code of our own with its parameters, in words that name the rule and nothing sent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from core.problems import CHOICE, FieldCode, FieldError, FieldParams

_CODES = frozenset(FieldCode)
_PARAMS = frozenset(FieldParams.__annotations__)
_ONE = re.compile(r"\b1 (character|byte|digit|item)s\b")


class _Rule(NamedTuple):
    """`params` are of the code, `found` those whose values pydantic gives, by its names for them."""

    code: FieldCode
    message: str
    params: Mapping[str, Any] = {}
    found: Mapping[str, str] = {}


# What was expected: in words, and pydantic's types of errors for another type, and for another form.
_EXPECTED = {
    "string": ("a string", "string_type string_unicode bytes_type", "bytes_invalid_encoding"),
    "ascii": ("ASCII characters", "", "string_not_ascii"),
    "boolean": ("true or false", "bool_type", "bool_parsing"),
    "integer": ("an integer", "int_type", "int_parsing int_parsing_size int_from_float"),
    "number": (
        "a number",
        "float_type decimal_type fraction_type complex_type",
        "float_parsing decimal_parsing fraction_parsing complex_str_parsing finite_number",
    ),
    "uuid": ("a UUID", "uuid_type", "uuid_parsing uuid_version"),
    "date": ("a date", "date_type", "date_parsing date_from_datetime_parsing date_from_datetime_inexact"),
    "time": ("a time of day", "time_type", "time_parsing"),
    "date-time": (
        "a date and a time that exist",
        "datetime_type",
        "datetime_parsing datetime_object_invalid datetime_from_date_parsing timezone_naive timezone_aware "
        "timezone_offset",
    ),
    "duration": ("a duration", "time_delta_type", "time_delta_parsing"),
    "uri": ("a URL", "url_type", "url_parsing url_syntax_violation url_scheme"),
    "json": ("JSON in a string", "json_type", "json_invalid"),
    "null": ("null", "none_required", ""),
    "array": (
        "an array",
        "list_type tuple_type set_type frozen_set_type deque_type iterable_type named_tuple_type",
        "set_item_not_hashable",
    ),
    "object": (
        "an object",
        "model_attributes_type model_type dataclass_type dict_type mapping_type frozen_dict_type ordered_dict_type "
        "counter_type",
        "",
    ),
}


def _of_expected() -> Iterator[tuple[str, _Rule]]:
    for expected, (words, types, forms) in _EXPECTED.items():
        for code, names in ((FieldCode.WRONG_TYPE, types), (FieldCode.MALFORMED, forms)):
            for name in names.split():
                yield name, _Rule(code, f"Must be {words}", {"expected": expected})


def _bound(code: FieldCode, message: str, param: str, pydantics: str) -> _Rule:
    return _Rule(code, message, found={param: pydantics})


_RULES: Mapping[str, _Rule] = {
    **dict(_of_expected()),
    "missing": _Rule(FieldCode.MISSING, "This field is required"),
    "extra_forbidden": _Rule(FieldCode.UNKNOWN_FIELD, "This field is not known"),
    "invalid_key": _Rule(FieldCode.UNKNOWN_FIELD, "This field is not known"),
    "enum": _Rule(FieldCode.NOT_ALLOWED, "Must be {expected}"),
    "literal_error": _Rule(FieldCode.NOT_ALLOWED, "Must be {expected}"),
    "union_tag_invalid": _Rule(FieldCode.NOT_ALLOWED, "Must be {expected_tags}"),
    "string_pattern_mismatch": _bound(FieldCode.MALFORMED, "Does not have the expected form", "pattern", "pattern"),
    "string_too_short": _bound(FieldCode.TOO_SHORT, "Must have at least {min} characters", "min", "min_length"),
    "string_too_long": _bound(FieldCode.TOO_LONG, "Must have at most {max} characters", "max", "max_length"),
    "bytes_too_short": _bound(FieldCode.TOO_SHORT, "Must have at least {min} bytes", "min", "min_length"),
    "bytes_too_long": _bound(FieldCode.TOO_LONG, "Must have at most {max} bytes", "max", "max_length"),
    "url_too_long": _bound(FieldCode.TOO_LONG, "Must have at most {max} characters", "max", "max_length"),
    "too_short": _bound(FieldCode.TOO_SHORT, "Must have at least {min} items", "min", "min_length"),
    "too_long": _bound(FieldCode.TOO_LONG, "Must have at most {max} items", "max", "max_length"),
    "decimal_max_digits": _bound(FieldCode.TOO_LONG, "Must have at most {max} digits", "max", "max_digits"),
    "decimal_whole_digits": _bound(
        FieldCode.TOO_LONG, "Must have at most {max} digits before the point", "max", "whole_digits"
    ),
    "decimal_max_places": _bound(
        FieldCode.TOO_LONG, "Must have at most {max} digits after the point", "max", "decimal_places"
    ),
    "greater_than_equal": _bound(FieldCode.TOO_SMALL, "Must be at least {min}", "min", "ge"),
    "greater_than": _bound(FieldCode.TOO_SMALL, "Must be more than {above}", "above", "gt"),
    "less_than_equal": _bound(FieldCode.TOO_LARGE, "Must be at most {max}", "max", "le"),
    "less_than": _bound(FieldCode.TOO_LARGE, "Must be less than {below}", "below", "lt"),
    "multiple_of": _bound(FieldCode.NOT_A_MULTIPLE, "Must be a multiple of {of}", "of", "multiple_of"),
    **dict.fromkeys(
        ("date_past", "datetime_past"), _Rule(FieldCode.TOO_LARGE, "Must be in the past", {"below": "now"})
    ),
    **dict.fromkeys(
        ("date_future", "datetime_future"), _Rule(FieldCode.TOO_SMALL, "Must be in the future", {"above": "now"})
    ),
    "value_error": _Rule(FieldCode.INVALID, "{error}"),
}


def field_error(item: Mapping[str, Any]) -> FieldError:
    """The error for an item of pydantic's `errors()`; its place becomes a JSON Pointer (RFC 6901).

    A validator of a slice gives one of our codes by PydanticCustomError("malformed", "Must be …", {"expected": "…"}).
    """
    where, *path = (part for part in item["loc"] if not str(part).startswith(CHOICE))
    if path[1:] and path[-1] == "[key]" and item["type"] != "extra_forbidden":
        path.pop()  # pydantic's word for a name that is no key of a map: the place is that of its value
    prefix = "" if where == "body" else f"/{where}"
    code, message, params = _told(_kind(item), item.get("ctx", {}), item)
    if code is FieldCode.MISSING and not path:  # the body itself
        message = "A body is required: JSON, with its Content-Type"
    error = FieldError(pointer=prefix + "".join(map(_segment, path)), message=message, code=code)
    if params:
        error["params"] = cast(FieldParams, params)
    return error


def _kind(item: Mapping[str, Any]) -> str:
    """pydantic's type; it tells the length of a secret text as if that were a list."""
    kind: str = item["type"]
    counted = kind in ("too_short", "too_long") and "field_type" in item.get("ctx", {})
    return f"string_{kind}" if counted and isinstance(item["input"], str) else kind


def _told(kind: str, context: Mapping[str, Any], item: Mapping[str, Any]) -> tuple[FieldCode, str, dict[str, Any]]:
    # Without a validator's own words its message is a library's, which repeats what was sent.
    rule = None if kind == "value_error" and "error" not in context else _RULES.get(kind)
    if rule is not None and context.keys() >= set(rule.found.values()):
        params = {**rule.params, **{ours: _plain(context[name]) for ours, name in rule.found.items()}}
        if rule.code is FieldCode.NOT_ALLOWED:
            params["allowed"] = _values(context.get("expected") or context.get("expected_tags", ""))
        message = rule.message.format_map({**context, **params})
        return rule.code, _ONE.sub(r"1 \1", message), params
    if kind in _CODES:
        params = {name: _plain(value) for name, value in context.items() if name in _PARAMS}
        return FieldCode(kind), str(item["msg"]), params
    return FieldCode.INVALID, "This value is not valid", {}


def _plain(value: Any) -> Any:
    """A bound as JSON has it: that of a date or a decimal is text."""
    return value if isinstance(value, int | float | str | list) else str(value)


def _values(expected: str) -> list[str | float]:
    """Those of pydantic's words: `'a', 'b' or 3`."""
    found = re.findall(r"'((?:[^'\\]|\\.)*)'|(-?\d+)", expected)
    return [int(number) if number else re.sub(r"\\(.)", r"\1", text) for text, number in found]


def _segment(part: object) -> str:
    """One reference token of a JSON Pointer; a name that the client made up is given back only if it is a plain one."""
    return f"/{part}" if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}(\[\])?", str(part)) else "/?"
