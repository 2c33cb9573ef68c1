"""What the document says of single schemas beyond pydantic: of inputs, as strict as the API is, and of examples."""

import json
from typing import Any

from core.http.authorization import ME
from core.http.declarations import REF

# No text of PostgreSQL holds a NUL character.
_TEXT = "^[^\\u0000]*$"


def _without_nul(schema: Any) -> None:
    """Says of each text in the schema of an input that it holds no NUL, unless more is said of it already."""
    if isinstance(schema, list):
        for one in schema:
            _without_nul(one)
    elif isinstance(schema, dict):
        if (
            schema.get("type") == "string"
            and schema.keys().isdisjoint({"pattern", "enum", "const"})
            and schema.get("format", "password") == "password"
        ):
            schema["pattern"] = _TEXT
        for one in schema.values():
            _without_nul(one)


def fill_examples(schemas: dict[str, Any]) -> None:
    """Puts the nulls back into examples that FastAPI has taken out: what is required and not there was one."""
    for schema in schemas.values():
        for one in schema.get("examples", ()):
            _fill(one, schema, schemas)


def _fill(example: Any, schema: Any, schemas: dict[str, Any]) -> None:
    schema = schemas.get(schema.get("$ref", "").removeprefix(REF), schema)
    if isinstance(example, list):
        for one in example:
            _fill(one, schema.get("items", {}), schemas)
    elif isinstance(example, dict):
        for name in schema.get("required", ()):
            example.setdefault(name, None)
        for name, value in example.items():
            _fill(value, schema.get("properties", {}).get(name, {}), schemas)


def plain_parameters(operation: dict[str, Any]) -> None:
    """A query has no null: what is optional is left out."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        choices = schema.pop("anyOf", [])
        kinds = [one for one in choices if one != {"type": "null"}]
        if len(kinds) < len(choices):
            schema.pop("default", None)
        schema |= {"anyOf": kinds} if len(kinds) > 1 else kinds[0] if kinds else {}
        if parameter["in"] == "query":
            _without_nul(schema)
        if parameter["name"] == "user_id":
            parameter["example"] = ME


def drop_titles(node: Any) -> None:
    """Takes out the titles that FastAPI makes of names: generators name types after them, in two slices alike."""
    if isinstance(node, list):
        for one in node:
            drop_titles(one)
    elif isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for name, one in node.items():
            if name not in ("examples", "example", "default"):
                drop_titles(one)


def as_an_input(body: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A default makes a field of a request one that generated types demand; what is optional is so by `required`."""
    for name, schema in schemas.items():
        if f'"{REF}{name}"' in json.dumps(body):
            _without_nul(schema)
            for field in schema.get("properties", {}).values():
                field.pop("default", None)
