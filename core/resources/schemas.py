"""What every slice's wire shares: unknown fields are rejected, text is text, times are RFC 3339 in UTC."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, LiteralString, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# RFC 3339, section 5.6; the zone is not optional.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

# The same after a query was read whose + was not escaped.
_LOST_PLUS = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)? \d\d:\d\d", re.ASCII)


def _no_time(message: LiteralString) -> PydanticCustomError:
    return PydanticCustomError("malformed", message, {"expected": "date-time"})


def _rfc3339(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    if value in ("null", "undefined"):
        raise _no_time("Must be a time; leave it out where there is none")
    if isinstance(value, str) and _LOST_PLUS.fullmatch(value):
        raise _no_time("Must have its + sent as %2B: in a query a + is a space")
    raise _no_time("Must be an RFC 3339 time with a zone, such as 2030-01-31T09:00:00Z")


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _no_time("Must lie between the years 1 and 9999 in UTC") from None


# An input time: any zone in, UTC inside.
TimeInput = Annotated[AwareDatetime, AfterValidator(_to_utc), BeforeValidator(_rfc3339)]

# An output time: UTC with `Z`, as the session's zone is that (core.database.pool).
TimeOutput = AwareDatetime


class OrLater:
    """The values of an enum, and those that a later release has beside this one: a row of that release must not make
    the list that it is in a 500. The document names those of this one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Not a union, of which the document would be another one.
        written = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.no_info_wrap_validator_function(_or_later, handler(source), serialization=written)


def _or_later(value: Any, known: ValidatorFunctionWrapHandler) -> Any:
    try:
        return known(value)
    except ValidationError:
        if type(value) is str:
            return value
        raise


E = TypeVar("E", bound=StrEnum)
# An enum in a response: `status: EnumOutput[TaskStatus]`.
EnumOutput = Annotated[E, OrLater()]

# What is left of a text once the space around it is removed.
_NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


def example(**fields: Any) -> ConfigDict:
    """`model_config = example(title="Water the plants")`: an example in the document, which a test sends to the API, or
    compares with what the API sends."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class InputModel(BaseModel):
    """Base of what a client sends."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As pydantic's; a text that is stripped and must not be empty then has a pattern, which says so."""
        made = handler(schema)
        properties = handler.resolve_ref_schema(made).get("properties", {})
        for name, field in cls.model_fields.items():
            if name in properties and _is_stripped(field.metadata, field.annotation):
                for one in properties[name].get("anyOf", [properties[name]]):
                    if one.get("type") == "string":
                        one["pattern"] = _NOT_BLANK
        return made


def _is_stripped(metadata: Iterable[Any], annotation: Any) -> bool:
    """Whether a field, or one of the types that it may have, is text without the space around it, and not empty."""
    if any(getattr(one, "strip_whitespace", False) and one.min_length for one in metadata):
        return True
    return any(_is_stripped(getattr(one, "__metadata__", ()), one) for one in get_args(annotation))


class ReplaceModel(InputModel):
    """Base of what a PUT takes: what GET gave can be sent back, and what the server alone writes of it is ignored."""

    # The fields that are ignored.
    read_only: ClassVar[frozenset[str]] = frozenset({"id", "updated_at", "etag"})

    created_at: TimeInput | None = Field(
        default=None,
        description="Counts in one case alone: where something is put back that was deleted less than a day ago, it "
        "stands where it stood. It is never in the future.",
    )

    @model_validator(mode="before")
    @classmethod
    def _ignore(cls, value: Any) -> Any:
        return {k: v for k, v in value.items() if k not in cls.read_only} if isinstance(value, dict) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler.resolve_ref_schema(super().__get_pydantic_json_schema__(schema, handler))
        names = ", ".join(f"`{name}`" for name in sorted(cls.read_only))
        made["description"] = f"{made.get('description', '')} Ignored are {names}; an `id` is to be that of the path."
        return made


class OutputModel(BaseModel):
    """Base of what the API sends, made from a row."""

    model_config = ConfigDict(from_attributes=True)
