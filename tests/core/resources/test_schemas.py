"""What every slice's wire shares: times with a zone become UTC, and nothing that is not expected is taken."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from core.resources.schemas import EnumOutput, InputModel, OutputModel, TimeInput, TimeOutput

INPUT: TypeAdapter[datetime] = TypeAdapter(TimeInput)
OUTPUT: TypeAdapter[datetime] = TypeAdapter(TimeOutput)

FORM = "Must be an RFC 3339 time with a zone, such as 2030-01-31T09:00:00Z"
RANGE = "Must lie between the years 1 and 9999 in UTC"


def reason(adapter: TypeAdapter[Any], value: object) -> str:
    with pytest.raises(ValidationError) as raised:
        adapter.validate_python(value)
    return str(raised.value.errors()[0]["msg"])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-31T09:00:00Z", datetime(2030, 1, 31, 9, tzinfo=UTC)),
        ("2030-01-31t09:00:00z", datetime(2030, 1, 31, 9, tzinfo=UTC)),
        ("2030-01-31 09:00:00Z", datetime(2030, 1, 31, 9, tzinfo=UTC)),
        ("2030-01-31T09:00:00.123456Z", datetime(2030, 1, 31, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2030-01-31T09:00:00.5+05:30", datetime(2030, 1, 31, 3, 30, 0, 500000, tzinfo=UTC)),
        ("2030-01-01T00:30:00+14:00", datetime(2029, 12, 31, 10, 30, tzinfo=UTC)),
        ("2030-12-31T23:30:00-12:00", datetime(2031, 1, 1, 11, 30, tzinfo=UTC)),
        ("2030-01-31T09:00:00-00:00", datetime(2030, 1, 31, 9, tzinfo=UTC)),
        ("2028-02-29T00:00:00Z", datetime(2028, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_a_time_of_any_zone_becomes_utc(text: str, moment: datetime) -> None:
    found = INPUT.validate_python(text)
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "2030-01-31",
        "09:00:00Z",
        "2030-01-31T09:00:00",
        "2030-01-31T09:00Z",
        "2030-01-31T09Z",
        "2030-1-31T09:00:00Z",
        "20300131T090000Z",
        "2030-W05-4T09:00:00Z",
        "2030-031T09:00:00Z",
        "+2030-01-31T09:00:00Z",
        "12030-01-31T09:00:00Z",
        "2030-01-31T09:00:00.Z",
        "2030-01-31T09:00:00,5Z",
        "2030-01-31T09:00:00+0530",
        "2030-01-31T09:00:00+05",
        "2030-01-31T09:00:00 Z",
        "2030-01-31T09:00:00 UTC",
        "2030-01-31T09:00:00Z ",
        " 2030-01-31T09:00:00Z",
        "2030-01-31T09:00:00Z\n",
        "\N{ARABIC-INDIC DIGIT TWO}030-01-31T09:00:00Z",
        "1900000000",
        1900000000,
        1.5,
        True,
        None,
        [],
        b"2030-01-31T09:00:00Z",
        date(2030, 1, 31),
    ],
)
def test_what_is_not_written_as_rfc_3339_has_it_is_rejected(value: object) -> None:
    assert reason(INPUT, value) == FORM


@pytest.mark.parametrize(
    "text",
    [
        "2030-02-30T09:00:00Z",
        "2030-13-01T09:00:00Z",
        "2030-00-10T09:00:00Z",
        "0000-01-01T09:00:00Z",
        "2030-01-31T24:00:00Z",
        "2030-01-31T09:60:00Z",
        "2030-12-31T23:59:60Z",
        "2030-01-31T09:00:00+24:00",
        "2030-01-31T09:00:00+05:60",
    ],
)
def test_a_time_that_does_not_exist_is_rejected(text: str) -> None:
    assert reason(INPUT, text).startswith("Input should be a valid datetime")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_a_time_that_has_no_year_in_utc_is_rejected(text: str) -> None:
    assert reason(INPUT, text) == RANGE


def test_a_moment_without_a_zone_is_rejected() -> None:
    assert reason(INPUT, datetime(2030, 1, 31)) == "Input should have timezone info"  # noqa: DTZ001


def test_times_are_given_in_utc_with_z() -> None:
    """Rows have them in UTC, whatever the zone of the server: tests/modules/tasks/test_times.py."""
    assert OUTPUT.dump_json(OUTPUT.validate_python(datetime(2030, 1, 31, 9, tzinfo=UTC))) == b'"2030-01-31T09:00:00Z"'


def test_a_moment_without_a_zone_is_not_sent() -> None:
    assert reason(OUTPUT, datetime(2030, 1, 31)) == "Input should have timezone info"  # noqa: DTZ001


def test_a_field_that_is_not_known_is_rejected_and_its_value_is_not_told() -> None:
    class Given(InputModel):
        title: str

    with pytest.raises(ValidationError) as raised:
        Given.model_validate({"title": 1, "user_id": "hunter2"})
    assert [(error["loc"], error["type"]) for error in raised.value.errors()] == [
        (("title",), "string_type"),
        (("user_id",), "extra_forbidden"),
    ]
    assert "hunter2" not in str(raised.value)


def test_a_response_is_made_from_a_row_and_holds_what_it_declares_only() -> None:
    class Row:
        title = "x"
        user_id = "somebody"

    class Response(OutputModel):
        title: str

    assert Response.model_validate(Row()).model_dump() == {"title": "x"}


class Kind(StrEnum):
    """Values of a column."""

    ONE = "one"
    TWO = "two"


class Kinds(OutputModel):
    """A row that a later release may have written."""

    kind: EnumOutput[Kind]
    second: EnumOutput[Kind] | None


@pytest.mark.filterwarnings("error")
def test_a_response_takes_an_enums_values_of_a_later_release() -> None:
    read = Kinds.model_validate({"kind": "three", "second": "two"})
    assert (read.kind, read.second, read.model_dump_json()) == ("three", Kind.TWO, '{"kind":"three","second":"two"}')
    with pytest.raises(ValidationError):
        Kinds.model_validate({"kind": 3, "second": None})
    shown = Kinds.model_json_schema(mode="serialization")
    assert shown["properties"]["kind"] == {"$ref": "#/$defs/Kind"}
    assert shown["$defs"]["Kind"]["enum"] == ["one", "two"]
