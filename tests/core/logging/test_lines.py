"""A line is whole, valid and short enough for one write, whatever its fields hold; what identifies it is never cut."""

import json
import random
from typing import Any

import pytest

from core.logging import _exception_fields
from core.logging.lines import TRUNCATED, lines
from core.logging.writer import MAX_WRITE_BYTES

IDENTITY: dict[str, Any] = {
    "timestamp": "2026-01-31T09:00:00.000000Z",
    "level": "error",
    "logger": "core.http.middleware",
    "service.name": "todo-api",
    "request_id": "r" * 128,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "http.request.method": "GET",
    "http.route": "/api/v1/users/{user_id}/tasks/{task_id}",
    "http.response.status_code": 500,
    "error.code": "internal_error",
}
TEXTS = ["plain", "\x01\n", "\x1b", '"\\', "é", "🎈", "\udcff"]


def json_line(**fields: Any) -> dict[str, Any]:
    """The line, read again."""
    made: Any = lines(readable=False)(None, "", {**IDENTITY, **fields})
    assert len(made) <= MAX_WRITE_BYTES
    assert made.index(b"\n") == len(made) - 1
    read: dict[str, Any] = json.loads(made)
    return read


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("readable", [False, True])
def test_no_text_makes_a_line_too_long(text: str, readable: bool) -> None:
    dice = random.Random(ascii(text))
    for _ in range(50):
        names = ("message", "url.path", "user_agent.original", "user.id", "exception.message", "exception.stacktrace")
        fields = {name: text * int(2 ** dice.uniform(0, 15)) for name in names}
        made: Any = lines(readable=readable)(None, "", {**IDENTITY, "event": "request failed", **fields})
        assert len(made) <= MAX_WRITE_BYTES
        assert made.endswith(b"\n")
        made.decode()
        # A person has the time of day, and looks up the rest by the request's id.
        for value in ("request_id", "http.route", *(() if readable else ("trace_id", "timestamp"))):
            assert IDENTITY[value].encode() in made
        if not readable:
            json.loads(made)


def test_what_fits_is_not_touched() -> None:
    fields = {"message": "m" * 1000, "url.path": "/" * 1000, "number": 1.5, "nothing": None}
    assert json_line(**fields) == {**IDENTITY, **fields}


def test_the_longest_values_give_way_and_say_so() -> None:
    line = json_line(message="it failed", short="s" * 900, long="l" * 4000)
    assert line == {**IDENTITY, "message": "it failed", "short": "s" * 900, "long": "l" * 2048 + "…", TRUNCATED: True}


def test_of_a_stack_trace_its_end_stays() -> None:
    trace = "outermost" + "x" * 5000 + "innermost"
    line = json_line(**{"exception.stacktrace": trace})
    assert line["exception.stacktrace"] == "…" + trace[-2048:]


def test_values_that_are_no_text_give_way_too() -> None:
    line = json_line(found=list(range(5000)), **{"exception.type": KeyError})
    assert line["found"].startswith("[0, 1, 2, ")
    assert line["exception.type"] == "<class 'KeyError'>"
    assert line["http.response.status_code"] == 500


def test_of_too_many_fields_those_stay_that_say_whose_line_it_is() -> None:
    line = json_line(message="m" * 500, **{f"field.{number}": "value" for number in range(1000)})
    assert line == {**IDENTITY, "message": "m" * 128 + "…", TRUNCATED: True}


@pytest.mark.parametrize(("value", "written"), [("half a \ud83d pair", "half a ? pair"), (2**64, str(2**64))])
def test_what_json_cannot_hold_is_written_as_well_as_it_can(value: object, written: str) -> None:
    line = json_line(odd=value)
    assert (line["odd"], line["request_id"]) == (written, IDENTITY["request_id"])


def test_a_failure_deep_down_is_cut_where_it_began_and_its_message_where_it_ends() -> None:
    def fail(depth: int) -> None:
        if depth:
            return other(depth - 1)
        raise ValueError("why" * 1000)

    def other(depth: int) -> None:
        fail(depth)

    with pytest.raises(ValueError, match="why") as caught:
        fail(100)
    event = _exception_fields(None, "", {"exc_info": caught.value})
    assert event["exception.message"] == ("why" * 1000)[:1024] + "…"
    trace = event["exception.stacktrace"]
    assert trace.startswith("Traceback (most recent call last):\n…")
    assert len(trace.partition("…")[2]) == 2560
    assert trace.endswith(f'raise ValueError("why" * 1000)\nbuiltins.ValueError: {("why" * 1000)[:128]}\n')
    assert "^^^" not in event["exception.stacktrace"]
    assert event[TRUNCATED] is True
