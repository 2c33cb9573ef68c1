"""The literals that stand in a statement's text are those that psycopg2 would put there."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from psycopg2.extensions import connection, cursor

from core.database import psycopg2_setup
from core.database.literals import filled
from tests.conftest import TestDatabase


class Word(StrEnum):
    """A text that is more than one."""

    QUOTED = "it's"


class Number(IntEnum):
    """The same of a number."""

    ONE = 1


ID = UUID("0192f7a0-0000-7000-8000-00000000002a")
VALUES = [
    *("", "a", Word.QUOTED, Word.QUOTED, "it's", "a \\ b", "'; --", "%", "%(a)s", "%%", "ü", "\U0001f600", "\x01"),
    *(0, 1, -1, 2**31, -(2**63), 2**70, True, False, None, 1.5, -2.5, float("nan"), float("-inf")),
    *(Decimal("1.50"), Decimal(-3), b"a\0'\\", ID, [ID], [], ["it's", None], [1, -2], [True], Word.QUOTED, Number.ONE),
    *(datetime(2030, 1, 31, 9, 0, 0, 1, UTC), datetime(1, 1, 1, tzinfo=timezone(timedelta(minutes=90)))),
    *(datetime.min.replace(tzinfo=UTC), datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=5, seconds=1708)))),
    datetime(9999, 12, 31),  # noqa: DTZ001
    *(date(2030, 1, 31), time(9, 30), timedelta(days=-1, seconds=3)),
]


@pytest.fixture(scope="module", params=["UTF8", "LATIN1"])
def session(database: TestDatabase, request: pytest.FixtureRequest) -> Iterator[connection]:
    psycopg2_setup.prepare()
    opened = psycopg2.connect(database.url, client_encoding=request.param)
    yield opened
    opened.close()


def mogrified(session: connection, sql: str, values: dict[str, Any]) -> bytes:
    """As psycopg2 sends it."""
    with session.cursor() as one:
        assert type(one) is cursor
        sent: bytes = one.mogrify(sql, values)
        return sent


def outcome(session: connection, value: Any, *, ours: bool) -> object:
    """What is sent for it, or how it is rejected."""
    sql, values = "SELECT -%(a)s, 5 %% 3, %(a)s", {"a": value}
    try:
        sent = filled(sql, values, session).encode(session.cursor().connection.encoding.lower())
        return sent if ours else mogrified(session, sql, values)
    except (ValueError, psycopg2.Error) as error:
        return type(error)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_literal_is_the_driver_s(session: connection, value: Any) -> None:
    assert outcome(session, value, ours=True) == outcome(session, value, ours=False)


def texts() -> list[str]:
    """Of what has a meaning in a literal, and of anything else; always the same ones."""
    chance = random.Random(15)
    alphabets = ["'\\%()sE\0\ud800", "".join(map(chr, [*range(1, 0xD7FF, 7), *range(0xE000, 0x11000, 31)]))]
    return ["".join(chance.choices(chance.choice(alphabets), k=chance.randint(1, 12))) for _ in range(2000)]


def test_any_text_is_quoted_as_the_driver_does(session: connection) -> None:
    for text in texts():
        assert outcome(session, text, ours=True) == outcome(session, text, ours=False)


def test_any_text_comes_back_as_it_was(database: TestDatabase) -> None:
    sent = [text for text in texts() if not {"\0", "\ud800"} & {*text}]
    opened = psycopg2.connect(database.url, client_encoding="UTF8")
    with opened.cursor() as one:
        for text in sent:
            one.execute(filled("SELECT %(a)s", {"a": text}, opened))
            assert one.fetchall() == [(text,)]
    opened.close()
    assert len(sent) > 1000


@pytest.mark.parametrize("value", ["a\0b", "\ud800", object()])
def test_what_cannot_be_sent_is_an_error(session: connection, value: Any) -> None:
    assert outcome(session, value, ours=True) in (ValueError, UnicodeEncodeError, psycopg2.ProgrammingError)
