"""Cursors: each comes back as the position it was made from, and nothing else is taken for one."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Column, Date, Integer, Interval, Numeric, Time, Uuid

from core.problems import Problem, ProblemError
from core.resources.models import TIMESTAMP, OwnedTable
from core.resources.pagination import MAX_LIMIT, Limit, check_of, check_time, decode, encode, page_of

ROW = UUID("0192f7a0-0000-7000-8000-00000000002a")
TIME = "2030-01-31 09:00:00.123456+00"
LIMIT = TypeAdapter(Limit)


def cursor(value: object) -> str:
    """A cursor that says something of the test's own."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def rejection(text: str, sort: str = "-created_at", check: Any = check_time) -> ProblemError:
    with pytest.raises(ProblemError) as raised:
        decode(text, sort, check)
    return raised.value


@pytest.mark.parametrize("value", ["", "a", "ÄÖ 🌱\u202e", '"\\', "' OR 1=1 --", "x" * 200, "infinity", TIME])
def test_a_cursor_comes_back_as_the_position_it_was_made_from(value: str) -> None:
    text = encode("-title", value, ROW)
    assert decode(text, "-title", str) == (value, ROW)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), (
        "it goes into a URL as it is"
    )


@pytest.mark.parametrize("value", [TIME, "2030-01-31T09:00:00Z", "0001-01-01 00:00:00+00", "infinity"])
def test_a_cursor_of_a_time_is_taken(value: str) -> None:
    assert decode(encode("due_at", value, ROW), "due_at", check_time) == (value, ROW)


@pytest.mark.parametrize(
    ("column", "values", "wrong"),
    [
        (Date, ["2030-01-31", "infinity"], ["x", "2030-13-01", "2030-W01-1", "20300131"]),
        (TIMESTAMP, [TIME], ["x", "2030-W01-1T00:00:00+00:00", "20300131T000000Z", "2030-01-31T00:00:00"]),
        (Time, ["09:30:00", "09:30:00.123456"], ["x", "25:00:00"]),
        (Interval, ["1:00:00", "1 day, 0:00:00"], []),
        (Numeric, ["12.50", "-1"], ["x", ""]),
        (Integer, ["7"], ["x", "7.5"]),
        (Uuid, [str(ROW)], ["x"]),
    ],
)
def test_what_a_column_of_a_type_may_be_sorted_from(column: Any, values: list[str], wrong: list[str]) -> None:
    check = check_of("key", Column("key", column, nullable=False))
    for value in values:
        assert decode(encode("key", value, ROW), "key", check) == (value, ROW)
    for value in wrong:
        assert rejection(cursor(["key", value, str(ROW)]), "key", check).errors


def test_a_cursor_that_is_padded_means_the_same() -> None:
    text = encode("title", "a", ROW)
    assert decode(text + "=" * (-len(text) % 4), "title", str) == ("a", ROW)


def test_a_rejection_says_where_the_cursor_was_and_nothing_of_what_is_in_it() -> None:
    error = rejection("hunter2")
    assert (error.problem, error.detail) == (Problem.VALIDATION_FAILED, "The cursor is not valid.")
    assert error.errors == [
        {
            "pointer": "/query/cursor",
            "message": "Must be a next_cursor of a list with the same sort; leave it out for the first page",
            "code": "invalid_cursor",
        }
    ]
    assert error.headers == {}


@pytest.mark.parametrize("sort", ["created_at", "-updated_at", "-title", ""])
def test_a_cursor_serves_lists_with_the_same_sort_only(sort: str) -> None:
    assert rejection(encode("-created_at", TIME, ROW), sort).problem is Problem.VALIDATION_FAILED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "A",
        "!",
        "é",
        "\ud800",
        " ",
        "a b",
        "+/+/",
        "A" * 100_000,
        cursor(b""),
        cursor(b"\xff\xfe"),
        cursor(b"[" * 100_000),
        cursor(b'["-created_at"'),
        cursor(b'["-created_at","\\ud800","0192f7a0-0000-7000-8000-00000000002a"]'),
        cursor(None),
        cursor(1),
        cursor("abc"),
        cursor({}),
        cursor({"-created_at": 1, "b": 2, "c": 3}),
        cursor([]),
        cursor(["-created_at", TIME]),
        cursor(["-created_at", TIME, str(ROW), 1]),
        cursor([None, TIME, str(ROW)]),
        cursor([["-created_at"], TIME, str(ROW)]),
        cursor(["-created_at", None, str(ROW)]),
        cursor(["-created_at", 1, str(ROW)]),
        cursor(["-created_at", [TIME], str(ROW)]),
        cursor(["-created_at", TIME + "\0", str(ROW)]),
        cursor(["-created_at", "", str(ROW)]),
        cursor(["-created_at", "yesterday", str(ROW)]),
        cursor(["-created_at", "2030-01-31 09:00:00", str(ROW)]),
        cursor(["-created_at", "2030-02-30 09:00:00+00", str(ROW)]),
        cursor(["-created_at", "99999-01-01 00:00:00+00", str(ROW)]),
        cursor(["-created_at", "-infinity", str(ROW)]),
        cursor(["-created_at", "'; DROP TABLE tasks", str(ROW)]),
        cursor(["-created_at", TIME, None]),
        cursor(["-created_at", TIME, 1]),
        cursor(["-created_at", TIME, ""]),
        cursor(["-created_at", TIME, [str(ROW)]]),
        cursor(["-created_at", TIME, "g" * 32]),
        cursor(["-created_at", TIME, str(ROW) + "0"]),
    ],
)
def test_what_encode_did_not_make_is_rejected(text: str) -> None:
    assert rejection(text).problem is Problem.VALIDATION_FAILED


def test_a_text_with_nul_is_rejected_where_any_text_is_a_value() -> None:
    assert rejection(cursor(["title", "a\0b", str(ROW)]), "title", str).problem is Problem.VALIDATION_FAILED


ROWS = [(OwnedTable(user_id="u1", id=UUID(int=n)), str(n), 7) for n in range(4)]


@pytest.mark.parametrize(("limit", "last"), [(1, 0), (2, 1), (3, 2)])
def test_a_page_names_the_row_after_which_the_next_one_begins(limit: int, last: int) -> None:
    page = page_of(ROWS[: limit + 1], limit, "-title", None, 7)
    assert page["items"] == [row for row, _, _ in ROWS[:limit]]
    assert page["next_cursor"] is not None
    assert decode(page["next_cursor"], "-title", str) == (str(last), UUID(int=last))


@pytest.mark.parametrize("limit", [4, 5, 100])
def test_the_last_page_has_no_next(limit: int) -> None:
    assert page_of(ROWS, limit, "title", None, 7) == {"items": [row for row, _, _ in ROWS], "next_cursor": None}
    assert page_of([], limit, "title", None, 7) == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("50", 50), ("100", MAX_LIMIT), ("007", 7), (20, 20)])
def test_a_limit_is_a_decimal_number_from_1_to_100(text: str | int, limit: int) -> None:
    assert LIMIT.validate_python(text) == limit


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "101",
        "-1",
        "",
        " 5",
        "5 ",
        "+5",
        "5.0",
        "5e0",
        "5_0",
        "0x5",
        "\N{ARABIC-INDIC DIGIT FIVE}",
        "five",
        "9" * 5000,
    ],
)
def test_an_absurd_limit_is_rejected(text: str) -> None:
    with pytest.raises(ValidationError):
        LIMIT.validate_python(text)
