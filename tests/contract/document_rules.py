"""What holds for every operation of the OpenAPI document; each rule gives the breaches that it finds."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from core.http.declarations import schema_of
from core.problems import Problem
from tests.contract.operations import REF, Operation, operations, resolve

_CAMEL_CASE = re.compile(r"[a-z]+([A-Z][a-z]+)*")
_SHORT = 24
_OWNER_FIELDS = {"user_id", "owner", "owner_id", "id"}
_HIDDEN = {"user_id", "owner", "owner_id", "version"}
_PROBLEM = "application/problem+json"


def breaches(document: Mapping[str, Any]) -> list[str]:
    """Every breach of every rule, as sentences."""
    found = [*_names(document), *_leftovers(document), *_output_defaults(document), *_hidden(document)]
    for operation in operations(document):
        found += [f"{operation.id}: {breach}" for rule in _RULES for breach in rule(operation)]
    return found


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    times = Counter(operation.id for operation in operations(document))
    for name, count in times.items():
        if count > 1:
            yield f"{name}: the name of {count} operations"
        if not _CAMEL_CASE.fullmatch(name) or len(name) > _SHORT:
            yield f"{name}: not a short name in camelCase"


def _leftovers(document: Mapping[str, Any]) -> Iterator[str]:
    """What FastAPI says by itself and this API does not do."""
    text = json.dumps(document)
    for word in ("HTTPValidationError", '"ValidationError"'):
        if word in text:
            yield f"the document mentions {word}"


def _output_defaults(document: Mapping[str, Any]) -> Iterator[str]:
    """A default makes a field of a response optional for generated clients."""
    schemas = document["components"]["schemas"]
    responses = [operation.spec["responses"] for operation in operations(document)]
    for name in sorted(_reached(responses, schemas)):
        for field, schema in schemas[name].get("properties", {}).items():
            if "default" in schema:
                yield f"{name}.{field}: a default in a response"


def _hidden(document: Mapping[str, Any]) -> Iterator[str]:
    """What is the server's own: the path says whose it is, and the ETag which version."""
    schemas = document["components"]["schemas"]
    responses = [operation.spec["responses"] for operation in operations(document)]
    for name in sorted(_reached(responses, schemas)):
        for field in sorted(_HIDDEN & set(schemas[name].get("properties", {}))):
            yield f"{name}.{field}: not for a client: leave it out of the schema"


def _reached(node: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The names of the schemas that `node` refers to, however indirectly."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += one.values()
            name = str(one.get("$ref", "")).removeprefix(REF)
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
        elif isinstance(one, list):
            waiting += one
    return found


def _tag(operation: Operation) -> Iterator[str]:
    if len(operation.spec.get("tags", [])) != 1:
        yield "not exactly one tag"


def _security(operation: Operation) -> Iterator[str]:
    allowed: tuple[Any, ...] = ([{"bearer": []}],) if operation.owned else ([], [{"bearer": []}])
    if operation.spec.get("security") not in allowed:
        yield "security that is not the bearer token"


def _statuses(operation: Operation) -> Iterator[str]:
    """What follows from where an operation stands; the issue's own table is compared by a test."""
    expected = {"400", "500"}
    if operation.id != "getLiveness":  # which needs nothing, and is never too much
        expected |= {"503"}
    if operation.private:
        expected |= {"401"}
    if operation.owned:
        expected |= {"403"}
    if operation.body_schema is not None:
        expected |= {"408", "413", "415"}
    for status in sorted(expected - set(operation.spec["responses"])):
        yield f"does not declare {status}"


def _content(operation: Operation) -> Iterator[str]:
    responses = operation.spec["responses"]
    # A PUT that makes something says so by its status.
    successes = {status for status in responses if status < "300"}
    if len(successes - ({"201"} if operation.method.upper() == "PUT" else set())) != 1:
        yield "not exactly one successful response"
    for status, response in responses.items():
        content = response.get("content", {})
        if status >= "400" and not _of_catalogue(status, response):
            yield f"{status} is not a problem of the catalogue"
        elif status == "204" and content:
            yield "204 with a body"
        elif status in ("200", "201"):
            yield from _success(status, content)


def _success(status: str, content: Mapping[str, Any]) -> Iterator[str]:
    """JSON by a schema, or a file of one media type."""
    if content.get("application/json") == {"schema": {}}:
        yield f"{status} has no schema: give it a response_model, or a response_class with its media_type"
    elif len(content) != 1:
        yield f"{status} has {len(content)} media types, not one: give it a response_class with its media_type"


def _of_catalogue(status: str, response: Mapping[str, Any]) -> bool:
    """Whether it has the schemas of problems of that status, each told by its code; FastAPI's own 422 has not."""
    known = {schema_of(problem): problem for problem in Problem if problem.status == int(status)}
    schema = response.get("content", {}).get(_PROBLEM, {}).get("schema", {})
    named = [str(one.get("$ref")).removeprefix(REF) for one in schema.get("oneOf", [schema])]
    if list(response.get("content", ())) != [_PROBLEM] or not set(named) <= set(known):
        return False
    mapping = {known[name].code: REF + name for name in named}
    told = "; ".join(known[name].title for name in named) == response["description"]
    return told and (len(named) == 1 or schema["discriminator"] == {"propertyName": "code", "mapping": mapping})


def _is_endless(schema: Mapping[str, Any]) -> bool:
    # A pattern that only says which characters there may be bounds nothing.
    bounded = "pattern" in schema and not schema["pattern"].startswith(r"^[^\u0000]*")
    is_text = schema.get("type") == "string" and not bounded
    return is_text and not schema.keys() & {"maxLength", "format", "enum", "const"}


def _body(operation: Operation) -> Iterator[str]:
    if operation.content and not operation.spec["requestBody"].get("required"):
        yield "its body may be left out"
    for choice in _objects(operation):
        for name, field in choice.get("properties", {}).items():
            kinds = field.get("anyOf", [field])
            # Its text has as many digits as there are.
            is_decimal = any(kind.get("type") == "number" for kind in kinds)
            if not is_decimal and any(map(_is_endless, kinds)):
                yield f"`{name}` is a text of any length: give it a max_length"
        if choice.get("additionalProperties") is not False:
            yield "takes unknown fields"
        for name in sorted(_OWNER_FIELDS & set(choice.get("properties", {}))):
            yield f"takes `{name}`, which is not the client's to say"


def _objects(operation: Operation) -> Iterator[Mapping[str, Any]]:
    """What a body of JSON may be, or each item of a body that is a list."""
    schema = operation.body_schema
    if schema is None:
        return
    if schema.get("type") == "array":
        schema = resolve(schema["items"], operation.schemas)
    for one in schema.get("oneOf", [schema]):
        yield resolve(one, operation.schemas)


_RULES = (_tag, _security, _statuses, _content, _body)
