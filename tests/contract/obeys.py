"""Whether a JSON value is what a schema of the document says: so much of JSON Schema as this API's document uses."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.contract.operations import resolve

_TYPES: dict[str, Any] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def disobeys(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """A sentence for each part of the value that is something else; `place` is its JSON Pointer."""
    is_described, schema = "description" in schema, resolve(schema, schemas)
    if "anyOf" in schema:
        found = [list(disobeys(value, one, schemas, place)) for one in schema["anyOf"]]
        yield from min(found, key=len)
        return
    kind = schema.get("type")
    if kind is None:  # a field may be any JSON, and says in words what it is
        if not is_described:
            yield f"{place or '/'}: the schema does not say what it is: give it a response_model"
    elif not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{place or '/'}: {type(value).__name__} where the document says {kind}"
    elif kind == "object":
        yield from _object(value, schema, schemas, place)
    elif kind == "array":
        for index, item in enumerate(value):
            yield from disobeys(item, schema["items"], schemas, f"{place}/{index}")
    elif kind == "string" and not _is_text(value, schema):
        yield f"{place}: not {schema.get('format') or schema.get('enum')}"


def _object(
    value: Mapping[str, Any], schema: Mapping[str, Any], schemas: Mapping[str, Any], place: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in sorted(set(schema.get("required", [])) - set(value)):
        yield f"{place}/{name}: missing"
    for name, item in value.items():
        if name in known:
            yield from disobeys(item, known[name], schemas, f"{place}/{name}")
        elif "additionalProperties" not in schema:
            yield f"{place}/{name}: not in the document"


def _is_text(value: str, schema: Mapping[str, Any]) -> bool:
    try:
        if schema.get("format") == "uuid":
            UUID(value)
        if schema.get("format") == "date-time":
            return value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
    return value in schema.get("enum", [value])
