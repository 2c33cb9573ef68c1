"""The published operations as plain values, and a valid request for each, made from the document alone."""

import itertools
import json
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from core.config import load_settings
from main import create_app

# A value of each format but UUIDs: another one each time, by its number, as a user may have only one row of each value.
FORMATS = {
    "date-time": "2030-01-{day:02}T09:00:00Z",
    "date": "2030-01-{day:02}",
    "time": "09:{day:02}:00",
    "duration": "PT{number}M",
    "email": "somebody{number}@example.com",
    "uri": "https://example.com/2030/{number}",
}
_NUMBERS = itertools.count(1)
METHODS = ("get", "put", "post", "delete", "patch")
REF = "#/components/schemas/"
# What is sent where a body is no JSON.
_FILE = b"an example of a file"

# Never connected to: the document is the same for every database.
_DATABASE = "postgresql://nobody@localhost/none"


@dataclass(frozen=True)
class Operation:
    """One method of one path, with what the document says about it."""

    method: str
    path: str
    spec: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its operationId."""
        return str(self.spec["operationId"])

    @property
    def private(self) -> bool:
        """Whether the document asks for a token."""
        return self.spec.get("security") == [{"bearer": []}]

    @property
    def owned(self) -> bool:
        """Whether it lies in somebody's part of the API."""
        return "{user_id}" in self.path

    @property
    def ids(self) -> list[str]:
        """The parameters of its path that name a row, the outer ones first."""
        return [name for name in re.findall(r"\{(\w+)\}", self.path) if name != "user_id"]

    @property
    def parents(self) -> list[str]:
        """The fields of its body that name another row, as `board_id` does."""
        fields = (self.body_schema or {}).get("properties", {})
        return [name for name, one in fields.items() if name.endswith("_id") and '"uuid"' in json.dumps(one)]

    @property
    def chooses(self) -> bool:
        """Whether its query chooses the rows that it writes."""
        return any((one["in"], one["name"]) == ("query", "id") for one in self.spec.get("parameters", []))

    @property
    def content(self) -> Mapping[str, Any]:
        """The media types of its body, each with a schema; empty where it takes none."""
        found: Mapping[str, Any] = self.spec.get("requestBody", {}).get("content", {})
        return found

    @property
    def body_schema(self) -> Mapping[str, Any] | None:
        """The schema of its JSON, None where it takes none: no body, or one of another media type."""
        json_body = self.content.get("application/json")
        return resolve(json_body["schema"], self.schemas) if json_body else None

    def url(self, user_id: str, **values: str) -> str:
        """The path with its parameters filled in; an id that is not given is one that nobody has."""
        filled = {"user_id": user_id, **values}
        for parameter in self.spec.get("parameters", []):
            if parameter["in"] == "path":
                filled.setdefault(parameter["name"], str(uuid.uuid4()))
        return self.path.format(**filled)

    def request(self, user_id: str, **values: str) -> dict[str, Any]:
        """Arguments of `httpx.Client.request`: a valid call with every field of the body, and in it `values` too."""
        call: dict[str, Any] = {"method": self.method.upper(), "url": self.url(user_id, **values)}
        if self.body_schema is not None:
            body = example(self.body_schema, self.schemas)
            given = self._references(values)
            call["json"] = {**body, **given} if given else body
        elif self.content:
            call |= {"content": _FILE, "headers": {"Content-Type": next(iter(self.content))}}
        if query := self._query():
            call["params"] = query
        return call

    def _references(self, values: Mapping[str, str]) -> dict[str, str | None]:
        """The rows that its body names; where none was made for it, and none need be, it names none."""
        assert self.body_schema is not None
        optional = {"type": "null"}
        return {
            name: values.get(name)
            for name in self.parents
            if name in values or optional in self.body_schema["properties"][name].get("anyOf", ())
        }

    def _query(self) -> dict[str, Any]:
        """What its query must have."""
        required = [one for one in self.spec.get("parameters", []) if one["in"] == "query" and one.get("required")]
        query = {one["name"]: example(one["schema"], self.schemas) for one in required}
        return {**query, "id": str(uuid.uuid4())} if self.chooses else query


def with_more(call: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The same call with other arguments; headers and parameters are added to those that it has."""
    added: dict[str, Any] = {
        name: {**call.get(name, {}), **more[name]} for name in ("headers", "params") if name in more
    }
    return {**call, **more, **added}


def application() -> FastAPI:
    """The shipped application, with all that settings can switch on."""
    values = {"better_auth_secret": secrets.token_hex(32), "database_url": _DATABASE}
    return create_app(load_settings(None, docs=True, auth_local_accounts=True, **values))


def document() -> dict[str, Any]:
    """Its OpenAPI document."""
    return application().openapi()


def operations(published: Mapping[str, Any]) -> list[Operation]:
    """All of them, in the document's order."""
    schemas = published["components"]["schemas"]
    return [
        Operation(method, path, item[method], schemas)
        for path, item in published["paths"].items()
        for method in METHODS
        if method in item
    ]


def resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a `$ref` stands for."""
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = schemas[schema["$ref"].removeprefix(REF)]
    return resolve(found, schemas)


def example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that the schema allows, never null, with every property of an object; another one each time where it can.

    Where the declaration gives `examples`, as it must beside a `pattern`, it is one of those.
    """
    schema = resolve(schema, schemas)
    if choices := examples(schema):
        return choices[next(_NUMBERS) % len(choices)]
    if "anyOf" in schema or "oneOf" in schema:
        return example(
            next(one for one in schema.get("anyOf") or schema["oneOf"] if one.get("type") != "null"), schemas
        )
    if "enum" in schema:
        return schema["enum"][-1]
    if "type" not in schema:
        return {"example": [1, "of anything"]}
    match schema["type"]:
        case "object":
            return {name: example(one, schemas) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"], schemas)]
        case "boolean":
            return True
        case kind:
            return _number(schema) if kind in ("integer", "number") else _text(schema)


def examples(schema: Mapping[str, Any]) -> list[Any]:
    """Those that a field declares. Those of a whole body are for readers: they need not have every field."""
    return [] if "properties" in schema else list(schema.get("examples", ()))


def _number(schema: Mapping[str, Any]) -> int:
    """An integer leaves room above it for another one. How many digits a decimal has is not told."""
    least = int(schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
    if schema["type"] == "number":
        return least
    most = int(schema.get("maximum", schema.get("exclusiveMaximum", least + 1001) - 1))
    return least + next(_NUMBERS) % max(1, min(most - least, 1000))


def _text(schema: Mapping[str, Any]) -> str:
    """With no space in it: a text of three characters could end with one, which is removed where it is stored."""
    number = next(_NUMBERS)
    known = FORMATS.get(schema.get("format", ""))
    if known is not None:
        return known.format(number=number, day=1 + number % 28)
    if schema.get("format") == "uuid":
        return str(uuid.uuid4())
    # What changes with every number comes first, so that a short text has it; and none is the same from behind.
    plain = f"{number:x}"[::-1] + "-is-an-example-that-is-long-enough"
    return f"{plain[: schema.get('maxLength', 200) - 1]}z".ljust(schema.get("minLength", 0), ".")
