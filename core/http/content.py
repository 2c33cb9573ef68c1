"""The content of a response: an endpoint's row or page, validated and serialised once by the schema of its response."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import orjson
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from core.http.text_schema import text_schema
from core.resources.models import snapshot, text_snapshot


class _Schema(NamedTuple):
    validate: Callable[..., Any]
    to_json: Callable[[Any], bytes]


# What pydantic alone can leave out.
_FILTERS = {"include", "exclude", "exclude_none"}


class Content:
    """Called with what the endpoint of `route`, which has a schema, gave. Raises ResponseValidationError."""

    def __init__(self, route: APIRoute) -> None:
        unset_excluded = route.response_model_exclude_unset
        options: dict[str, Any] = {
            "include": route.response_model_include,
            "exclude": route.response_model_exclude,
            "exclude_unset": unset_excluded,
            "exclude_none": route.response_model_exclude_none,
            "by_alias": route.response_model_by_alias,
        }
        # Each that is passed costs something.
        self._options = {name: value for name, value in options.items() if value}
        self._schema = self._compiled(TypeAdapter(route.response_model))
        of_texts = text_schema(route.response_model, unset_excluded=unset_excluded)
        self._text_schema = of_texts and self._compiled(of_texts)
        if self._text_schema and not self._options.keys() & _FILTERS:
            # What a text schema gives consists of dicts, lists, texts and numbers alone, of which orjson makes the same
            # bytes as pydantic in a third of the time (tests/core/http/test_content.py).
            self._text_schema = self._text_schema._replace(to_json=orjson.dumps)

    def __call__(self, result: Any) -> bytes:
        """JSON in UTF-8."""
        texts = text_snapshot(result) if self._text_schema else None
        if texts is not None:
            assert self._text_schema is not None
            try:
                return self._text_schema.to_json(self._text_schema.validate(texts))
            except (ValidationError, orjson.JSONEncodeError):
                texts = None  # the values may be what the texts are not; a number may have more than 64 bits
        try:
            return self._schema.to_json(self._schema.validate(snapshot(result), from_attributes=True))
        except ValidationError as error:
            raise ResponseValidationError(error.errors(include_url=False, include_input=False)) from None

    def _compiled(self, adapter: TypeAdapter[Any]) -> _Schema:
        return _Schema(adapter.validator.validate_python, partial(adapter.serializer.to_json, **self._options))
