"""Strict JSON: what two parsers could read differently, or PostgreSQL could not store, is rejected."""

import math
from typing import Any

import pytest

from core.strict_json import MAX_CONTAINERS, MAX_DEPTH, MAX_MEMBERS, StrictJsonError, loads

SYNTAX = "The text is not valid JSON."
NOT_UTF8 = "The text is not UTF-8."
TWICE = "An object has two members of the same name."
NOT_A_NUMBER = "NaN and Infinity are not JSON."
TOO_LARGE = "A number is too large."
NUL = "A string holds a NUL character."
SURROGATE = "A string holds a lone surrogate."
TOO_DEEP = "The text is nested deeper than 20 levels."


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", SYNTAX),
        (b" ", SYNTAX),
        (b"{", SYNTAX),
        (b'{"a":1}}', SYNTAX),
        (b'{"a":1} {"b":2}', SYNTAX),
        (b'{"a":1,}', SYNTAX),
        (b"[1,]", SYNTAX),
        (b"{'a':1}", SYNTAX),
        (b"{a:1}", SYNTAX),
        (b'{"a" 1}', SYNTAX),
        (b"[1 2]", SYNTAX),
        (b"// comment\n1", SYNTAX),
        (b"/* comment */ 1", SYNTAX),
        (b"True", SYNTAX),
        (b"undefined", SYNTAX),
        (b"01", SYNTAX),
        (b"+1", SYNTAX),
        (b"-", SYNTAX),
        (b".5", SYNTAX),
        (b"1.", SYNTAX),
        (b"1e", SYNTAX),
        (b"0x10", SYNTAX),
        (b"1_000", SYNTAX),
        ("\N{ARABIC-INDIC DIGIT ONE}".encode(), SYNTAX),
        (b'"a', SYNTAX),
        (b'"\\x41"', SYNTAX),
        (b'"\\u00"', SYNTAX),
        (b'"\\u+041"', SYNTAX),
        (b'"a\nb"', SYNTAX),
        (b'"a\tb"', SYNTAX),
        (b'"a\0b"', SYNTAX),
        (b"\x0b1", SYNTAX),
        ("\N{NO-BREAK SPACE}1".encode(), SYNTAX),
        (b"\xef\xbb\xbf1", SYNTAX),
        ('{"a":1}'.encode("utf-16-le"), SYNTAX),
        ('{"a":1}'.encode("utf-32-be"), SYNTAX),
        (b"9" * 5000, TOO_LARGE),
        (b"-" + b"9" * 5000, TOO_LARGE),
        ('{"a":1}'.encode("utf-16"), NOT_UTF8),
        (b'"\xff"', NOT_UTF8),
        (b'"\xc3"', NOT_UTF8),
        (b'"\xc0\xaf"', NOT_UTF8),
        (b'"\xed\xa0\x80"', NOT_UTF8),
        (b'"\xf4\x90\x80\x80"', NOT_UTF8),
        (b'{"a":1,"a":1}', TWICE),
        (b'{"a":1,"b":2,"\\u0061":3}', TWICE),
        (b'{"":1,"":2}', TWICE),
        (b'[{"b":{"a":1,"a":2}}]', TWICE),
        (b'{"__proto__":1,"__proto__":2}', TWICE),
        (b"NaN", NOT_A_NUMBER),
        (b'{"a":[Infinity]}', NOT_A_NUMBER),
        (b"-Infinity", NOT_A_NUMBER),
        (b"1e400", TOO_LARGE),
        (b"[-1E+400]", TOO_LARGE),
        (b"1" + b"0" * 400 + b".0", TOO_LARGE),
        (b'"\\u0000"', NUL),
        (b'{"a\\u0000":1}', NUL),
        (b'["\\\\\\u0000"]', NUL),
        (b'{"a":{"b":["x\\u0000y"]}}', NUL),
        (b'"\\ud800"', SURROGATE),
        (b'"\\udc00\\ud800"', SURROGATE),
        (b'{"\\udfff":1}', SURROGATE),
        (b'"\\ud83c x \\udf31"', SURROGATE),
    ],
)
def test_what_is_not_strict_is_rejected_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(StrictJsonError) as raised:
        loads(data)
    assert str(raised.value) == reason
    assert raised.value.__suppress_context__ or raised.value.__context__ is None, "the cause holds the input"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b" \t\r\n{} \n", {}),
        (b"[]", []),
        (b"null", None),
        (b'"text"', "text"),
        (b"[true,false,null]", [True, False, None]),
        (b"[0,-0,12,-3,1.5,1e3,1E-2,-0.0]", [0, 0, 12, -3, 1.5, 1000.0, 0.01, -0.0]),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"1e308", 1e308),
        (b"1e-400", 0.0),
        ('{"ключ":"значение 🌱 \u202e\u200d"}'.encode(), {"ключ": "значение 🌱 \u202e\u200d"}),
        (b'"\\ud83c\\udf31"', "🌱"),
        (b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"', '"\\/\b\f\n\r\tA'),
        (b'"\\\\u0000"', "\\u0000"),
        (b'["\\\\\\\\u0000", "\\u0001"]', ["\\\\u0000", "\x01"]),
        (b'{"a":{"a":{"a":1}},"A":2,"a ":3}', {"a": {"a": {"a": 1}}, "A": 2, "a ": 3}),
        ('{"é":1,"e\u0301":2}'.encode(), {"é": 1, "e\u0301": 2}),
        (b'"\xf4\x8f\xbf\xbf\xef\xbf\xbf"', "\U0010ffff\uffff"),
        (b'"\x7f"', "\x7f"),
    ],
)
def test_what_is_strict_is_read_as_it_stands(data: bytes, value: Any) -> None:
    assert loads(data) == value


def test_minus_zero_and_integers_keep_their_kind() -> None:
    floating, integer = loads(b"[-0.0, 10]")
    assert math.copysign(1, floating) == -1
    assert type(integer) is int


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_nesting_is_bounded(opening: bytes, closing: bytes) -> None:
    levels = opening.count(b"[") + opening.count(b"{")
    deepest = MAX_DEPTH // levels
    loads(opening * deepest + b"1" + closing * deepest)
    with pytest.raises(StrictJsonError, match=TOO_DEEP):
        loads(opening * (deepest + 1) + b"1" + closing * (deepest + 1))


@pytest.mark.parametrize(
    "data", [b"[" * 1_000_000, b'{"a":' * 200_000, b"[" * 30 + b"]" * 30, b'"' + b'\\"' * 9 + b"["]
)
def test_a_deep_or_broken_text_costs_no_stack(data: bytes) -> None:
    with pytest.raises(StrictJsonError):
        loads(data)


@pytest.mark.parametrize(
    "data", [b'"' + b"[{" * 50 + b'"', b'"\\"' + b"[" * 50 + b'"', b'["\\\\","' + b"[" * 50 + b'"]']
)
def test_brackets_inside_a_string_nest_nothing(data: bytes) -> None:
    assert loads(data) is not None


@pytest.mark.parametrize("data", [b"[" * 15 + b"{},[", b'{"a":[' + b"[[]]," * 30])
def test_what_is_not_closed_is_not_called_deep(data: bytes) -> None:
    with pytest.raises(StrictJsonError, match=SYNTAX):
        loads(data)


def test_how_many_members_and_containers_there_may_be() -> None:
    """Whoever is asked about each of them is busy for a while, and does not know yet who asks."""
    members = [b'"%d":[]' % number for number in range(MAX_MEMBERS + 1)]
    assert len(loads(b"{" + b",".join(members[1:]) + b"}")) == MAX_MEMBERS
    with pytest.raises(StrictJsonError, match=r"An object has more than 10,000 members\."):
        loads(b"{" + b",".join(members) + b"}")
    containers = [b"[]"] * MAX_CONTAINERS
    assert len(loads(b"[" + b",".join(containers[1:]) + b"]")) == MAX_CONTAINERS - 1
    with pytest.raises(StrictJsonError, match=r"The text has more than 100,000 arrays and objects\."):
        loads(b"[" + b",".join(containers) + b"]")


def test_many_siblings_nest_nothing() -> None:
    assert loads(b"[" + b",".join([b"[[]]"] * 1000) + b"]") == [[[]]] * 1000
