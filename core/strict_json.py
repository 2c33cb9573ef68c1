"""JSON as RFC 8259 means it and I-JSON (RFC 7493) narrows it: what two parsers could read differently is rejected."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

MAX_DEPTH = 20


class StrictJsonError(ValueError):
    """The text is not strict JSON. The message says why, without any part of the text."""


def loads(data: bytes) -> Any:
    """The value of a UTF-8 JSON text.

    Raises StrictJsonError for a syntax error, invalid UTF-8, a duplicate member name, NaN and infinities, a number
    beyond a double, NUL or a lone surrogate in a string, and nesting deeper than MAX_DEPTH.
    """
    try:
        text = data.decode("utf-8")
        if _may_be_deep(text):
            _check_depth(text)
        value = _DECODER.decode(text)
        if "\\u" in text:
            _check_text(json.dumps(value, ensure_ascii=False))
    except UnicodeDecodeError:
        raise StrictJsonError("The text is not UTF-8.") from None
    except UnicodeEncodeError:
        raise StrictJsonError("A string holds a lone surrogate.") from None
    except StrictJsonError:
        raise
    except (ValueError, RecursionError):
        raise StrictJsonError("The text is not valid JSON.") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJsonError("An object has two members of the same name.")
    return members


def _reject_constant(_: str) -> NoReturn:
    raise StrictJsonError("NaN and Infinity are not JSON.")


def _float(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise StrictJsonError("A number is too large.")
    return value


# json.loads makes one for each text.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_reject_constant, parse_float=_float)


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > MAX_DEPTH


def _check_depth(text: str) -> None:
    depth = 0
    for character in _outside_strings(text):
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictJsonError(f"The text is nested deeper than {MAX_DEPTH} levels.")
        elif character in "]}":
            depth -= 1


def _outside_strings(text: str) -> Iterable[str]:
    inside = escaped = False
    for character in text:
        if not inside:
            inside = character == '"'
            yield character
        elif escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            inside = False


def _check_text(text: str) -> None:
    """An escape is the only way to write NUL or half a character. json.dumps leaves NUL as its escape."""
    text.encode("utf-8")
    if "\\u0000" in text.replace("\\\\", ""):
        raise StrictJsonError("A string holds a NUL character.")
