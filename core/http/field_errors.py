"""What is wrong with one input, in words that name the rule and nothing of the input."""

import re
from collections.abc import Mapping
from typing import Any

from core.problems import CHOICE, FieldError

# Messages of pydantic that name the rule and nothing of the input; `{…}` is filled from the rule.
_MESSAGES = {
    "missing": "This field is required",
    "extra_forbidden": "This field is not known",
    "string_type": "Must be a string",
    "string_too_short": "Must have at least {min_length} characters",
    "string_too_long": "Must have at most {max_length} characters",
    "too_short": "Must have a length of at least {min_length}",
    "too_long": "Must have a length of at most {max_length}",
    "string_pattern_mismatch": "Does not have the expected form",
    "enum": "Must be {expected}",
    "literal_error": "Must be {expected}",
    "uuid_parsing": "Must be a UUID",
    "uuid_type": "Must be a UUID",
    "int_parsing": "Must be an integer",
    "int_type": "Must be an integer",
    "bool_parsing": "Must be true or false",
    "bool_type": "Must be true or false",
    "nul": "Must not hold a NUL character",
    "greater_than_equal": "Must be at least {ge}",
    "less_than_equal": "Must be at most {le}",
    "model_attributes_type": "Must be an object",
    "value_error": "{error}",
    "other_id": "Must be the id in the path",
}


def field_error(item: Mapping[str, Any]) -> FieldError:
    """The error for an item of pydantic's `errors()`; its place becomes a JSON Pointer (RFC 6901)."""
    where, *path = (part for part in item["loc"] if not str(part).startswith(CHOICE))
    prefix = "" if where == "body" else f"/{where}"
    kind = item["type"]
    message = _MESSAGES.get(kind, "This value is not valid").format_map(item.get("ctx", {}))
    return FieldError(pointer=prefix + "".join(map(_segment, path)), message=message, code=kind)


def _segment(part: object) -> str:
    """One reference token of a JSON Pointer; a name that the client made up is given back only if it is a plain one."""
    return f"/{part}" if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}(\[\])?", str(part)) else "/?"
