"""Content that orjson makes of a row's texts is, byte for byte, what pydantic makes of the row's values."""

import random
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BaseModel, ConfigDict

from core.http import content
from core.http.content import Content


class Thing(BaseModel):
    """A response with each type that a text schema takes as it is."""

    model_config = ConfigDict(from_attributes=True)

    name: str | None
    count: int
    share: float
    on: bool
    at: AwareDatetime


class Things(BaseModel):
    """A page of them."""

    items: list[Thing]
    next_cursor: str | None


def endpoint() -> None:
    """Nobody calls it."""


@cache
def content_of(model: Any) -> Content:
    """What makes the content of an operation's responses."""
    return Content(APIRoute("/things", endpoint, response_model=model))


THING = content_of(Thing)
CHARACTERS = [*range(0xD800), *range(0xE000, 0x11000), *range(0x1F600, 0x1F700)]


AT = datetime(2030, 1, 31, 9, 0, 0, 500_000, UTC)


def as_postgresql_writes(at: datetime) -> str:
    """In UTC, without the zeros at the end of a fraction."""
    clock = at.replace(tzinfo=None).isoformat(" ")
    return f"{clock[:19]}{clock[19:].rstrip('0')}+00"


def times() -> Iterator[datetime]:
    """All years, whole seconds and parts of one."""
    chance = random.Random(16)
    first, last = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
    for _ in range(3000):
        at = first + (last - first) * chance.random()
        yield at.replace(microsecond=chance.choice([0, 1, 500_000, 120, at.microsecond]))


def things() -> Iterator[dict[str, Any]]:
    """Any of them; always the same ones."""
    chance = random.Random(15)
    for _ in range(3000):
        (share,) = struct.unpack("<d", chance.randbytes(8))
        name = "".join(map(chr, chance.choices(CHARACTERS, k=5)))
        near = chance.choice([share, chance.random() * 10.0 ** chance.randint(-9, 20), -0.0, 1e16, 5e-324])
        known = {"name": name, "count": chance.randint(-(2**63), 2**64 - 1), "on": chance.random() < 0.5}
        yield {**known, "share": near, "at": AT}


def as_texts(thing: dict[str, Any]) -> dict[str, Any]:
    """The row of a thing, or a page of them."""
    if "items" in thing:
        return {**thing, "items": [as_texts(one) for one in thing["items"]]}
    return {**thing, "at": as_postgresql_writes(thing["at"])}


def written(model: Any, thing: Any) -> bytes:
    """By the schema for texts, with no way out."""
    one = content_of(model)
    assert one._validate_texts is not None
    return content._to_json(one._validate_texts(as_texts(thing)))


def test_what_is_to_be_left_out_pydantic_leaves_out() -> None:
    route = APIRoute("/things", endpoint, response_model=Thing, response_model_exclude={"at"})
    assert Content(route)._validate_texts is None


def test_the_bytes_are_those_of_pydantic() -> None:
    for thing in things():
        assert written(Thing, thing) == Thing(**thing).model_dump_json().encode()


def test_a_time_is_written_as_pydantic_writes_it() -> None:
    for at in times():
        thing: dict[str, Any] = {"name": None, "count": 1, "share": 1.0, "on": True, "at": at}
        assert written(Thing, thing) == Thing(**thing).model_dump_json().encode()


def test_each_character_is_escaped_alike() -> None:
    for first in range(0, len(CHARACTERS), 0x100):
        name = "".join(map(chr, CHARACTERS[first : first + 0x100]))
        thing: dict[str, Any] = {"name": name, "count": 1, "share": 1.0, "on": True, "at": AT}
        assert written(Thing, thing) == Thing(**thing).model_dump_json().encode()


def test_a_page_too() -> None:
    thing = {"name": "ü", "count": 1, "share": 0.1, "on": False, "at": AT}
    page: dict[str, Any] = {"items": [thing, thing], "next_cursor": None}
    assert written(Things, page) == Things(**page).model_dump_json().encode()


@pytest.mark.parametrize("count", [2**64, -(2**63) - 1])
def test_a_number_that_orjson_does_not_take_is_pydantic_s(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    thing = Thing(name="x", count=count, share=1.5, on=True, at=AT)
    monkeypatch.setattr("core.http.content.text_snapshot", lambda row: as_texts(row.__dict__))
    assert THING(thing) == thing.model_dump_json().encode()


@pytest.mark.parametrize("at", [AT, 1, None])
def test_a_time_that_is_no_text_is_a_value(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pydantic does not take is its error."""
    thing = Thing(name="x", count=1, share=1.5, on=True, at=AT)
    monkeypatch.setattr("core.http.content.text_snapshot", lambda row: {**row.__dict__, "at": at})
    assert THING(thing) == thing.model_dump_json().encode()


def test_what_is_of_another_kind_is_validated_as_values() -> None:
    thing = Thing(name=None, count=1, share=1.5, on=True, at=AT)
    assert THING(thing) == thing.model_dump_json().encode()


class Optional(BaseModel):
    """With values that it may go without."""

    name: str = "x"
    count: int | None = None


@pytest.mark.parametrize(
    ("option", "left"),
    [
        ("response_model_exclude_defaults", b'{"count":1}'),
        ("response_model_exclude_unset", b'{"name":"x","count":1}'),
    ],
)
def test_an_operation_may_leave_values_out(option: str, left: bytes) -> None:
    route = APIRoute("/things", endpoint, response_model=Optional, **{option: True})  # type: ignore[arg-type]
    assert Content(route)(Optional(name="x", count=1)) == left
