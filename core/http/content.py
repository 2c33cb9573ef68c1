"""The content of a response: an endpoint's row or page, validated and serialised once by the schema of its response."""

from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import Any

import orjson
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from sqlmodel import SQLModel

from core.database.text_rows import looked_at, text_columns, text_columns_of_all
from core.http.text_schema import text_schema

# What pydantic alone can leave out.
_FILTERS = {"include", "exclude", "exclude_none", "exclude_defaults"}
# What a schema for texts gives consists of dicts, lists, texts, times and numbers alone, of which orjson makes the same
# bytes as pydantic in a third of the time (tests/core/http/test_content.py).
_to_json = partial(orjson.dumps, option=orjson.OPT_UTC_Z)


class Content:
    """Called with what the endpoint of `route`, which has a schema, gave. Raises ResponseValidationError."""

    def __init__(self, route: APIRoute) -> None:
        unset_excluded = route.response_model_exclude_unset
        options: dict[str, Any] = {
            "include": route.response_model_include,
            "exclude": route.response_model_exclude,
            "exclude_unset": unset_excluded,
            "exclude_none": route.response_model_exclude_none,
            "exclude_defaults": route.response_model_exclude_defaults,
            "by_alias": route.response_model_by_alias,
        }
        # Each that is passed costs something.
        options = {name: value for name, value in options.items() if value}
        own: TypeAdapter[Any] = TypeAdapter(route.response_model)
        self._validate = own.validator.validate_python
        self._to_json: Callable[[Any], bytes] = partial(own.serializer.to_json, **options)
        filtered = options.keys() & _FILTERS
        self._validate_texts = None if filtered else text_schema(route.response_model, unset_excluded=unset_excluded)

    def __call__(self, result: Any) -> bytes:
        """JSON in UTF-8."""
        if self._validate_texts is not None and (texts := text_snapshot(result)) is not None:
            try:
                return _to_json(self._validate_texts(texts))
            except (ValidationError, orjson.JSONEncodeError):
                pass  # the values may be what the texts are not; a number may have more than 64 bits
        try:
            return self._to_json(self._validate(snapshot(result), from_attributes=True))
        except ValidationError as error:
            raise ResponseValidationError(error.errors(include_url=False, include_input=False)) from None


def snapshot(result: Any) -> Any:
    """What an endpoint gives, its rows as plain dicts: a schema reads these in a third of the time."""
    kind: type = type(result)
    if _is_columns_alone(kind):
        return result.__dict__
    if isinstance(result, dict) and (items := result.get("items")):
        kinds = {*map(type, items)}
        if all(map(_is_columns_alone, kinds)):
            return {**result, "items": [row.__dict__ for row in items]}
    return result


def text_snapshot(result: Any) -> Any:
    """The same of rows that nobody has looked at, with ids and times as text; None where there is any other."""
    if not isinstance(result, dict):
        return text_columns(result)
    rows = text_columns_of_all(result.get("items") or ())
    return rows and {**result, "items": rows}


@lru_cache(None)
def _is_columns_alone(kind: type) -> bool:
    """Whether it is the class of a row of which a schema could read its columns alone, no property of its own."""
    kind = looked_at(kind)
    own = [one for one in kind.__mro__ if not issubclass(SQLModel, one)]
    return issubclass(kind, SQLModel) and not any(
        isinstance(value, property | cached_property) for one in own for value in vars(one).values()
    )
