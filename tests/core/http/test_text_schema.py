"""A schema for text gives the bytes that the response's own gives of values, or there is none."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
import pytest
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    RootModel,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

from core.http.text_schema import text_schema
from core.resources import EnumOutput

ID, AT = UUID("0192f7a0-0000-7000-8000-00000000002a"), datetime(2030, 1, 31, 9, 0, 0, 500_000, UTC)
VALUES = {"id": ID, "at": AT, "until": None, "kind": "one", "name": "ü\n", "count": 3, "left": 1.5, "on": True}
TEXTS = {**VALUES, "id": str(ID), "at": "2030-01-31 09:00:00.5+00"}


class Kind(StrEnum):
    """Values of a column."""

    ONE = "one"
    TWO = "two"


class Plain(BaseModel):
    """A response as slices have them."""

    model_config = ConfigDict(from_attributes=True, title="What it is")

    id: UUID
    at: AwareDatetime
    until: datetime | None = Field(description="Or never.")
    kind: EnumOutput[Kind]
    name: Annotated[str, Field(max_length=5)] | None
    count: int = Field(ge=1)
    left: float
    on: bool
    word: Literal["a", "b"] = "a"


class Several(BaseModel):
    """A page of them."""

    items: list[Plain]
    next_cursor: str | None
    total: int | None = None


@pytest.mark.parametrize(
    ("model", "values", "texts"),
    [
        (Plain, VALUES, TEXTS),
        (Plain, {**VALUES, "until": AT, "word": "b"}, {**TEXTS, "until": TEXTS["at"], "word": "b"}),
        (Several, {"items": [VALUES], "next_cursor": None}, {"items": [TEXTS], "next_cursor": None}),
        (
            Several,
            {"items": [], "next_cursor": "x", "total": 0, "more": 1},
            {"items": [], "next_cursor": "x", "total": 0, "more": 1},
        ),
    ],
)
def test_the_bytes_are_the_same(model: Any, values: Any, texts: Any) -> None:
    own: TypeAdapter[Any] = TypeAdapter(model)
    expected = own.serializer.to_json(own.validator.validate_python(values), exclude_unset=True)
    validate = text_schema(model, unset_excluded=True)
    assert validate is not None
    assert orjson.dumps(validate(texts), option=orjson.OPT_UTC_Z) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ID},
        {"id": str(ID).upper()},
        {"id": ID.hex},
        {"at": AT},
        {"at": "infinity"},
        {"at": "-infinity"},
        {"at": "infinity+00"},
        {"at": "12030-01-31 09:00:00+00"},
        {"at": "2030-13-31 09:00:00+00"},
        {"at": "2030-01-31 09:00:00"},
        {"at": "2030-01-31"},
        {"at": "2030-01-31T09:00:00.5Z"},
        {"at": "2030-01-31 09:00:00+01"},
        {"at": "2030-01-31 09:00:00.1+05:30"},
        {"at": "1850-01-31 09:00:00+00:53:28"},
        {"at": "0044-01-31 09:00:00+00 BC"},
        {"kind": "three"},
        {"name": "too long"},
        {"count": 0},
        {"count": None},
    ],
)
def test_what_is_not_sure_to_be_the_same_is_rejected(wrong: dict[str, Any]) -> None:
    """Then the response's own schema is asked."""
    validate = text_schema(Plain, unset_excluded=True)
    assert validate is not None
    with pytest.raises(ValidationError):
        validate({**TEXTS, **wrong})


def _model(**members: Any) -> Any:
    return type("Model", (BaseModel,), {"__annotations__": {"id": UUID}, "__module__": __name__, **members})


def _field(annotation: Any, **rules: Any) -> Any:
    return _model(__annotations__={"one": annotation}, one=Field(**rules))


def _own_schema(_: type, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return handler(source)


class _Own:
    """A type that is nobody's model."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: _model(check=field_validator("id")(lambda value: value)),
        lambda: _model(check=model_validator(mode="after")(lambda self: self)),
        lambda: _model(shown=field_serializer("id")(lambda _, value: str(value))),
        lambda: _model(twice=computed_field(return_type=int)(property(lambda _: 2))),
        lambda: _model(model_post_init=lambda _, __: None),
        lambda: _model(__get_pydantic_core_schema__=classmethod(_own_schema)),
        lambda: _model(model_config=ConfigDict(extra="allow")),
        lambda: _field(UUID, alias="other"),
        lambda: _field(UUID, serialization_alias="other"),
        lambda: _field(UUID, exclude=True),
        lambda: _field(Annotated[datetime, AfterValidator(lambda value: value)]),
        lambda: _field(Annotated[datetime, AfterValidator(lambda value: value)] | None),
        lambda: _field(dict[str, datetime]),
        lambda: _field(str, default="unset"),
        lambda: _field(list[_model(check=field_validator("id")(lambda value: value))]),  # type: ignore[misc]
        lambda: RootModel[UUID],
        lambda: list[Plain],
        lambda: _Own,
    ],
)
def test_a_schema_with_something_of_its_own_has_none(make: Callable[[], Any]) -> None:
    assert text_schema(make(), unset_excluded=False) is None
