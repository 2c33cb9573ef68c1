"""The schema of a response for rows whose ids and times are text: the same rules, in fewer steps."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, RootModel, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

from core.resources.schemas import OrLater

_ID = Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
# In UTC, as PostgreSQL writes it, in JSON too; pydantic's own reader of times does not know its `+00`.
_TIME = Annotated[str, StringConstraints(pattern=r"\+00(:00)?$"), AfterValidator(datetime.fromisoformat)]
_AS_TEXT: dict[Any, Any] = {UUID: _ID, datetime: _TIME, AwareDatetime: _TIME}
# Settings of a model that change nothing of what it takes from a row, or makes of it.
_OF_THE_DOCUMENT = {"from_attributes", "title", "json_schema_extra"}
_AS_THEY_ARE = (str, int, bool, float, NoneType)


class _OtherwiseError(Exception):
    """The schema has something that is its own: what it would make of text is not known."""


def text_schema(model: Any, *, unset_excluded: bool) -> Callable[[Any], Any] | None:
    """Validates what core.http.content.text_snapshot gives; the JSON of what it returns is `model`'s. None where
    that is not known to be so.

    What it rejects, `model` may take: it is told the values then.
    """
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_typed_dict(model, unset_excluded=unset_excluded))
    except _OtherwiseError:
        return None
    return adapter.validator.validate_python


def _typed_dict(model: Any, *, unset_excluded: bool) -> Any:
    if not (isinstance(model, type) and issubclass(model, BaseModel) and _is_plain(model)):
        raise _OtherwiseError
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if info.alias or info.serialization_alias or info.validation_alias or info.exclude or info.exclude_if:
            raise _OtherwiseError
        kind = _text(info.annotation, lambda inner: _typed_dict(inner, unset_excluded=unset_excluded))
        if info.metadata:
            kind = _with_rules(kind, info.metadata, info.annotation)
        if not info.is_required():
            if not unset_excluded:
                raise _OtherwiseError
            kind = NotRequired[kind]
        fields[name] = kind
    return TypedDict(model.__name__, fields)  # type: ignore[operator]


def _is_plain(model: type[BaseModel]) -> bool:
    """Whether it consists of its fields alone."""
    decorators = model.__pydantic_decorators__
    decorated = any(getattr(decorators, one.name) for one in dataclasses.fields(decorators))
    own = issubclass(model, RootModel) or model.__pydantic_post_init__ is not None
    schema = model.__get_pydantic_core_schema__.__func__ is not BaseModel.__get_pydantic_core_schema__.__func__  # type: ignore[attr-defined]
    return not (decorated or own or schema or model.model_config.keys() - _OF_THE_DOCUMENT)


def _text(kind: Any, nested: Callable[[Any], Any]) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return reduce(or_, (_text(one, nested) for one in inner))
    if origin is Annotated:
        return _with_rules(_text(inner[0], nested), inner[1:], inner[0])
    if origin is list:
        return list[_text(inner[0], nested)]  # type: ignore[misc]
    if kind in _AS_TEXT:
        return _AS_TEXT[kind]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Literal[tuple(one.value for one in kind)]
    if kind in _AS_THEY_ARE or origin is Literal:
        return kind
    return nested(kind)


def _with_rules(kind: Any, rules: Any, declared: Any) -> Any:
    rules = [one for one in rules if not isinstance(one, OrLater)]
    if not rules:
        return kind
    if declared in _AS_TEXT or kind != declared:
        raise _OtherwiseError
    return Annotated[(kind, *rules)]
