"""Content that orjson makes of a row's texts is, byte for byte, what pydantic makes of the row's values."""

import random
import struct
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from core.http.content import Content


class Thing(BaseModel):
    """A response with each type that a text schema takes as it is."""

    model_config = ConfigDict(from_attributes=True)

    name: str | None
    count: int
    share: float
    on: bool


class Things(BaseModel):
    """A page of them."""

    items: list[Thing]
    next_cursor: str | None


def endpoint() -> None:
    """Nobody calls it."""


def by_pydantic(model: Any) -> Content:
    """Where something is to be left out, content is made by pydantic."""
    return Content(APIRoute("/things", endpoint, response_model=model, response_model_exclude={"nothing"}))


def by_orjson(model: Any) -> Content:
    """As most is."""
    return Content(APIRoute("/things", endpoint, response_model=model))


ORJSON, PYDANTIC = by_orjson(Thing), by_pydantic(Thing)
CHARACTERS = [*range(0xD800), *range(0xE000, 0x11000), *range(0x1F600, 0x1F700)]


def things() -> Iterator[dict[str, Any]]:
    """Any of them; always the same ones."""
    chance = random.Random(15)
    for _ in range(3000):
        (share,) = struct.unpack("<d", chance.randbytes(8))
        name = "".join(map(chr, chance.choices(CHARACTERS, k=5)))
        near = chance.choice([share, chance.random() * 10.0 ** chance.randint(-9, 20), -0.0, 1e16, 5e-324])
        yield {"name": name, "count": chance.randint(-(2**63), 2**64 - 1), "share": near, "on": chance.random() < 0.5}


def written(one: Content, texts: Any) -> bytes:
    """By the schema for texts, whose rows text_snapshot would give."""
    assert one._text_schema is not None
    return one._text_schema.to_json(one._text_schema.validate(texts))


def test_one_of_them_is_pydantic_s_own() -> None:
    schemas = ORJSON._text_schema, PYDANTIC._text_schema
    assert [one is not None and one.to_json is orjson.dumps for one in schemas] == [True, False]


def test_the_bytes_are_those_of_pydantic() -> None:
    for thing in things():
        assert written(ORJSON, thing) == written(PYDANTIC, thing) == Thing(**thing).model_dump_json().encode()


def test_each_character_is_escaped_alike() -> None:
    for first in range(0, len(CHARACTERS), 0x100):
        name = "".join(map(chr, CHARACTERS[first : first + 0x100]))
        thing = {"name": name, "count": 1, "share": 1.0, "on": True}
        assert written(ORJSON, thing) == written(PYDANTIC, thing)


def test_a_page_too() -> None:
    page = {"items": [{"name": "ü", "count": 1, "share": 0.1, "on": False}] * 2, "next_cursor": None}
    assert written(by_orjson(Things), page) == written(by_pydantic(Things), page)


@pytest.mark.parametrize("count", [2**64, -(2**63) - 1])
def test_a_number_that_orjson_does_not_take_is_pydantic_s(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    thing = Thing(name="x", count=count, share=1.5, on=True)
    monkeypatch.setattr("core.http.content.text_snapshot", lambda row: dict(row.__dict__))
    assert ORJSON(thing) == thing.model_dump_json().encode()


def test_what_is_of_another_kind_is_validated_as_values() -> None:
    assert ORJSON(Thing(name=None, count=1, share=1.5, on=True)) == b'{"name":null,"count":1,"share":1.5,"on":true}'
