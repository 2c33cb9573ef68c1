"""Input that breaks naive servers is the client's error, plainly told; odd but right text comes back as it was sent."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import RunningServer, UserClient, assert_problem

JSON = {"Content-Type": "application/json"}
NUL, SURROGATE = "A string holds a NUL character.", "A string holds a lone surrogate."
TOO_DEEP = "The text is nested deeper than 20 levels."
NOT_JSON, NOT_UTF8 = "The text is not valid JSON.", "The text is not UTF-8."
DUPLICATE, NAN = "An object has two members of the same name.", "NaN and Infinity are not JSON."
SOME_ID = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def mallory(api_server: RunningServer) -> Iterator[UserClient]:
    """The same for all tests of what is rejected: nothing that he sends is stored."""
    with UserClient(api_server.url) as user:
        yield user


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"title": "a", "title": "b"}', DUPLICATE),
        (b'{"title": "a", "\\u0074itle": "b"}', DUPLICATE),
        (b'{"title": "a", "x": [{"y": 1, "y": 2}]}', DUPLICATE),
        (b'{"title": NaN}', NAN),
        (b'{"title": Infinity}', NAN),
        (b'{"title": -Infinity}', NAN),
        (b'{"title": 1e999}', "A number is too large."),
        (b'{"title": -1e999}', "A number is too large."),
        (b'{"title": ' + b"9" * 5000 + b"}", "A number is too large."),
        (b'{"title": "a\\u0000b"}', NUL),
        (b'{"\\u0000": "a"}', NUL),
        (b'{"title": "a\x00b"}', NOT_JSON),
        (b'{"title": "\\ud800"}', SURROGATE),
        (b'{"title": "\\udc00\\ud800"}', SURROGATE),
        (b'{"\\udfff": "a"}', SURROGATE),
        (b'{"title": "\xff"}', NOT_UTF8),
        (b'{"title": "\xc0\xaf"}', NOT_UTF8),
        (b'{"title": "\xed\xa0\x80"}', NOT_UTF8),
        ('{"title": "a"}'.encode("utf-16"), NOT_UTF8),
        (b'{"title": ' + b"[" * 20 + b"]" * 20 + b"}", TOO_DEEP),
        (b'{"a":' * 20 + b"{}" + b"}" * 20, TOO_DEEP),
        (b"[" * 1_000_000, TOO_DEEP),
        (b'{"title": "a"', NOT_JSON),
        (b'{"title": "a"} {}', NOT_JSON),
        (b'{"title": "a",}', NOT_JSON),
        (b"{'title': 'a'}", NOT_JSON),
        (b'{title: "a"}', NOT_JSON),
        (b'{"title": "a"} // comment', NOT_JSON),
        (b'{"title": "line\nbreak"}', NOT_JSON),
        (b'{"title": 01}', NOT_JSON),
        (b'{"title": +1}', NOT_JSON),
        (b"title=a", NOT_JSON),
        (b"   ", NOT_JSON),
    ],
)
def test_a_body_that_is_not_strict_json_is_rejected(mallory: UserClient, body: bytes, detail: str) -> None:
    response = mallory.post(mallory.tasks, content=body, headers=JSON)
    assert_problem(response, 400, "malformed_json", title="The body is not strict JSON", detail=detail)
    assert mallory.get(mallory.tasks).json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"1", b"true", b"[" + b"0," * 400_000 + b"0]"])
def test_a_body_that_is_no_object_is_rejected(mallory: UserClient, body: bytes) -> None:
    """The pointer is that of the whole document."""
    response = mallory.post(mallory.tasks, content=body, headers=JSON)
    errors = [{"pointer": "", "message": "Must be an object", "code": "wrong_type", "params": {"expected": "object"}}]
    assert_problem(response, 400, "validation_failed", errors=errors)


def test_twenty_levels_are_not_too_deep(mallory: UserClient) -> None:
    body = b'{"title": ' + b"[" * 19 + b"]" * 19 + b"}"
    error = {"pointer": "/title", "message": "Must be a string", "code": "wrong_type", "params": {"expected": "string"}}
    response = mallory.post(mallory.tasks, content=body, headers=JSON)
    assert_problem(response, 400, "validation_failed", errors=[error])


def test_brackets_in_a_string_are_text_at_any_depth(alice: UserClient) -> None:
    title = '[{"' * 50 + "\\"
    assert alice.create_task(title=title)["title"] == title


def test_what_is_wrong_in_very_many_places_is_told_of_a_hundred(mallory: UserClient, api: httpx.Client) -> None:
    body = json.dumps({"title": "a", **{f"field{number}": 0 for number in range(9_000)}})
    response = mallory.post(mallory.tasks, content=body, headers=JSON)
    errors = assert_problem(response, 400, "validation_failed")["errors"]
    expected = {"pointer": "/field0", "message": "This field is not known", "code": "unknown_field"}
    assert (len(errors), errors[0]) == (100, expected)
    query = "&".join(f"f{number}" for number in range(5000))
    assert len(assert_problem(api.get(f"/health/live?{query}"), 400, "validation_failed")["errors"]) == 100


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("limit=0", "/query/limit", "too_small"),
        ("limit=-1", "/query/limit", "too_small"),
        ("limit=101", "/query/limit", "too_large"),
        ("limit=99999999999999999999", "/query/limit", "too_large"),
        ("limit=" + "9" * 5000, "/query/limit", "malformed"),
        ("limit=1e9", "/query/limit", "malformed"),
        ("limit=1.5", "/query/limit", "malformed"),
        ("limit=1.0", "/query/limit", "malformed"),
        ("limit=%205", "/query/limit", "malformed"),
        ("limit=5%0A", "/query/limit", "malformed"),
        ("limit=%2B5", "/query/limit", "malformed"),
        ("limit=5_0", "/query/limit", "malformed"),
        ("limit=0x5", "/query/limit", "malformed"),
        ("limit=%D9%A5", "/query/limit", "malformed"),
        ("limit=", "/query/limit", "malformed"),
        ("limit=5%00", "/query/limit", "nul_character"),
        ("limit=5;q=a", "/query/limit", "malformed"),
        ("limit=1&limit=0", "/query/limit", "too_small"),
        ("Limit=5", "/query/Limit", "unknown_field"),
        ("limit[]=5", "/query/limit[]", "unknown_field"),
        ("=", "/query/?", "unknown_field"),
        ("%00=1", "/query/?", "nul_character"),
        ("q=%00", "/query/q", "nul_character"),
        ("q=", "/query/q", "too_short"),
        ("q=" + "a" * 201, "/query/q", "too_long"),
        ("cursor=%00", "/query/cursor", "nul_character"),
        ("cursor=" + "A" * 2049, "/query/cursor", "too_long"),
        ("status=done", "/query/status/0", "not_allowed"),
        ("status=pending&status=%00", "/query/status", "nul_character"),
        ("status=pending&" * 11, "/query/status", "too_long"),
        ("sort=id", "/query/sort", "not_allowed"),
        ("include_total=maybe", "/query/include_total", "malformed"),
        ("due_before=tomorrow", "/query/due_before", "malformed"),
        ("due_after=2030-01-01T00:00:00", "/query/due_after", "malformed"),
        ("updated_since=9999-12-31T23:59:59-01:00", "/query/updated_since", "malformed"),
    ],
)
def test_an_absurd_query_is_rejected(mallory: UserClient, query: str, pointer: str, code: str) -> None:
    response = mallory.get(f"{mallory.tasks}?{query}")
    (error,) = assert_problem(response, 400, "validation_failed", title="The request is not valid")["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert set(error) <= {"pointer", "message", "code", "params"}


def _cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "=",
        "A" * 2048,
        "%C3%A9",
        "a%20b",
        "W10",
        base64.urlsafe_b64encode(b"[" * 1500).decode(),
        _cursor(None),
        _cursor({}),
        _cursor(["-created_at"]),
        _cursor(["nothing", "a", SOME_ID]),
        _cursor(["-created_at", "2030-01-01T00:00:00", SOME_ID]),
        _cursor(["-created_at", "not a time", SOME_ID]),
        _cursor(["-created_at", 5, SOME_ID]),
        _cursor(["-created_at", "a\0", SOME_ID]),
        _cursor(["-created_at", "2030-01-01T00:00:00Z", "not a uuid"]),
        _cursor(["-created_at", "2030-01-01T00:00:00Z", 5]),
        _cursor(["-created_at", "2030-01-01T00:00:00Z", SOME_ID, 1]),
    ],
)
def test_a_cursor_that_the_server_did_not_make_is_rejected(mallory: UserClient, cursor: str) -> None:
    response = mallory.get(f"{mallory.tasks}?cursor={cursor}")
    message = "Must be a next_cursor of a list with the same sort; leave it out for the first page"
    error = {"pointer": "/query/cursor", "message": message, "code": "invalid_cursor"}
    assert_problem(response, 400, "validation_failed", detail="The cursor is not valid.", errors=[error])


@pytest.mark.parametrize("task_id", ["%", "%zz", "%C3%A9", "%FF"])
def test_an_id_in_an_odd_escape_is_malformed(mallory: UserClient, task_id: str) -> None:
    response = mallory.get(f"{mallory.tasks}/{task_id}")
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    error = {
        "pointer": "/path/task_id",
        "message": "Must be a UUID",
        "code": "malformed",
        "params": {"expected": "uuid"},
    }
    assert (response.status_code, problem["code"], problem["errors"]) == (400, "validation_failed", [error])


@pytest.mark.parametrize("rest", ["%2F", "..%2F..", f"{SOME_ID}%2F", f"{SOME_ID}/{SOME_ID}", "%2e%2e%2f"])
def test_a_path_that_leads_nowhere_is_not_found(mallory: UserClient, rest: str) -> None:
    response = mallory.get(f"{mallory.tasks}/{rest}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


ODD_TEXT = [
    "👩‍👩‍👧‍👦 ☕ 🏳️‍🌈 e\u0301 é",
    "\u202eright to left\u202c שלום مرحبا",
    "zero\u200bwidth\u200djoiner\ufeffmark",
    "Ω≈ç√∫µ≤≥÷ \U0001d518\U0001d52b \U0010ffff \ufffd",
    "a\u0301\u0302\u0303\u0304\u0305 Z̷̢͓͈a̶̛l̴g̸o̵",
    "'; DROP TABLE tasks; -- \" \\ %s %(owner)s $1 :name {}",
    "<script>alert(1)</script> &amp; <!-- ]]>",
    "../../etc/passwd ${jndi:ldap://x} {{7*7}} `id` $(id)",
    "null",
    "line\u2028separator\u2029\tand\ttab\r\nand break\x7f\x01",
]


@pytest.mark.parametrize("text", ODD_TEXT)
def test_odd_but_right_text_comes_back_as_it_was_sent(alice: UserClient, text: str) -> None:
    for as_ascii in (True, False):
        body = json.dumps({"title": text, "description": f" {text} "}, ensure_ascii=as_ascii).encode()
        created = alice.post(alice.tasks, content=body, headers=JSON)
        assert created.status_code == 201
        task = created.json()
        assert (task["title"], task["description"]) == (text, f" {text} ")
        assert alice.get(f"{alice.tasks}/{task['id']}").json() == task
        assert json.dumps(text, ensure_ascii=False).encode()[1:9] in created.content
    assert alice.patch("/api/v1/users/me", json={"name": text}).json()["name"] == text
    found = alice.get(alice.tasks, params={"q": text[:10]}).json()["items"]
    assert [one["title"] for one in found] == [text, text]
