"""JSON as RFC 8259 means it and I-JSON (RFC 7493) narrows it: what two parsers could read differently is rejected."""

import json
from typing import Any, NoReturn

MAX_DEPTH = 20
# What somebody could keep the process busy with: whatever names an unknown member costs pydantic microseconds, and the
# collector looks at each array. Within a body of 1 MiB nobody writes so many who means it.
MAX_MEMBERS, MAX_CONTAINERS = 10_000, 100_000

_TOO_LARGE = "A number is too large."


class StrictJsonError(ValueError):
    """The text is not strict JSON. The message says why, without any part of the text."""


def loads(data: bytes) -> Any:
    """The value of a UTF-8 JSON text.

    Raises StrictJsonError for a syntax error, invalid UTF-8, a duplicate member name, NaN and infinities, a fraction or
    a power beyond a double, an integer of thousands of digits, NUL or a lone surrogate in a string, nesting deeper than
    MAX_DEPTH, an object of more than MAX_MEMBERS members, and more than MAX_CONTAINERS arrays and objects.
    """
    try:
        text = data.decode("utf-8")
        if text.count("[") + text.count("{") > MAX_DEPTH:  # else it cannot be deep
            _check_nesting(text)
        value = _DECODER.decode(text)
        if "\\u" in text:
            _check_text(json.dumps(value, ensure_ascii=False))
    except UnicodeDecodeError:
        raise StrictJsonError("The text is not UTF-8.") from None
    except UnicodeEncodeError:
        raise StrictJsonError("A string holds a lone surrogate.") from None
    except StrictJsonError:
        raise
    except (json.JSONDecodeError, RecursionError):
        raise StrictJsonError("The text is not valid JSON.") from None
    except ValueError:  # of an integer of thousands of digits, which Python does not read
        raise StrictJsonError(_TOO_LARGE) from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) > MAX_MEMBERS:
        raise StrictJsonError(f"An object has more than {MAX_MEMBERS:,} members.")
    if len(members) != len(pairs):
        raise StrictJsonError("An object has two members of the same name.")
    return members


def _reject_constant(_: str) -> NoReturn:
    raise StrictJsonError("NaN and Infinity are not JSON.")


def _float(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise StrictJsonError(_TOO_LARGE)
    return value


# json.loads makes one for each text.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_reject_constant, parse_float=_float)


_AS_ARRAYS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _check_nesting(text: str) -> None:
    """In a few steps over the whole text, none for a character: this is before anybody knows who sends it."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    brackets = outside.encode().translate(_AS_ARRAYS, _NO_BRACKETS)
    opened = brackets.count(b"[")
    brackets += b"]" * (2 * opened - len(brackets))  # what is not closed is for the parser to find
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")  # the innermost
    if b"[" in brackets:
        raise StrictJsonError(f"The text is nested deeper than {MAX_DEPTH} levels.")
    if opened > MAX_CONTAINERS:
        raise StrictJsonError(f"The text has more than {MAX_CONTAINERS:,} arrays and objects.")


def _check_text(text: str) -> None:
    """An escape is the only way to write NUL or half a character. json.dumps leaves NUL as its escape."""
    text.encode("utf-8")
    if "\\u0000" in text.replace("\\\\", ""):
        raise StrictJsonError("A string holds a NUL character.")
