"""What a client relies on for every resource of a user, as checks made from the document alone; each gives breaches."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from tests.conftest import TestDatabase, UserClient
from tests.contract.making import made
from tests.contract.obeys import disobeys
from tests.contract.operations import FORMATS, Operation, example, examples, resolve, with_more

Ids = Mapping[str, str]
_NAIVE = "2030-01-31T09:00:00"
_OTHERS = {
    **{name: value.format(number=0, day=31).replace("2030", "2031") for name, value in FORMATS.items()},
    "time": "10:00:00",
    "duration": "PT2H",
    "email": "another@example.com",
}


@dataclass(frozen=True)
class Calls:
    """One user of a running application, and what its document publishes of theirs."""

    user: UserClient
    database: TestDatabase
    operations: list[Operation]

    def send(self, operation: Operation, ids: Ids, **more: Any) -> httpx.Response:
        """A valid call, but for what is given."""
        return self.user.request(**with_more(operation.request(self.user.user_id, **ids), **more))

    def at(self, path: str, *methods: str) -> Operation | None:
        """The first of the operations at a path that has one of these methods."""
        found = {one.method: one for one in self.operations if one.path == path}
        return next((found[method] for method in methods if method in found), None)

    def made(self, operation: Operation) -> dict[str, str]:
        """The ids of the rows that the operation names, which the API makes for this user."""
        return made(self.user, self.operations, operation)

    def fill(self) -> None:
        """One row more in each collection."""
        for create in self.operations:
            if create.method == "post":
                self.send(create, self.made(create))

    def state(self, operation: Operation, ids: Ids) -> tuple[dict[str, Any], str]:
        """What GET gives of the row, and its tag."""
        read = self.at(operation.path, "get")
        assert read is not None
        response = self.send(read, ids)
        return response.json(), response.headers.get("etag", "")


def patch_of_nothing(calls: Calls, operation: Operation) -> Iterator[str]:
    """PATCH {} changes nothing."""
    ids = calls.made(operation)
    before = calls.state(operation, ids)
    response = calls.send(operation, ids, json={})
    if response.status_code != 200:
        yield f"PATCH {{}} gives {response.status_code}, not 200"
    if calls.state(operation, ids) != before:
        yield "PATCH {} changes the row: write what is in model_fields_set, as CrudRepository.change does"


def patch_of_one_field(calls: Calls, operation: Operation) -> Iterator[str]:
    """PATCH of one field writes it and leaves the rest that a client may write."""
    assert operation.body_schema is not None
    fields = operation.body_schema["properties"]
    ids = calls.made(operation)
    for name, schema in fields.items():
        if name in operation.parents:  # another value would have to be another row's
            continue
        before, _ = calls.state(operation, ids)
        value = other(example(schema, operation.schemas), schema, operation.schemas)
        calls.send(operation, ids, json={name: value})
        after, _ = calls.state(operation, ids)
        if not _is_same(after.get(name, value), value):
            yield f"PATCH of `{name}` does not write it"
        for left in sorted(set(fields) - {name}):
            if after.get(left) != before.get(left):
                yield f"PATCH of `{name}` changes `{left}` too: write what is in model_fields_set"


def stale_if_match(calls: Calls, operation: Operation) -> Iterator[str]:
    """Each write makes the tag grow, and a write on an older one is 412 and does nothing."""
    writer = calls.at(operation.path, "patch", "put")
    assert writer is not None
    ids = calls.made(operation)
    if not calls.state(operation, ids)[1]:  # GET gives defaults, with no tag, until the first write makes the row
        calls.send(writer, ids)
    tags = [calls.state(operation, ids)[1]]
    for _ in range(2):
        body = _changing(writer, ids)
        if calls.send(writer, ids, json=body, headers={"If-Match": tags[-1]}).status_code != 200:
            yield f"{writer.method.upper()} with the tag that GET gave is rejected"
        tags.append(calls.state(operation, ids)[1])
    numbers = [tag.strip('"').partition("-")[0] for tag in tags]
    if not all(number.isdigit() for number in numbers) or not int(numbers[0]) < int(numbers[1]) < int(numbers[2]):
        yield f"the tag does not grow with each {writer.method.upper()}: count `version` in the UPDATE"
    now = calls.state(operation, ids)
    response = calls.send(operation, ids, headers={"If-Match": tags[0]})
    if response.status_code != 412:
        yield f"a stale If-Match gives {response.status_code}, not 412: write with the repository that `owned` gave"
    elif calls.state(operation, ids) != now:
        yield "a stale If-Match gives 412 and changes the row"


def missing_row(calls: Calls, operation: Operation) -> Iterator[str]:
    """What is not there is 404, and the document says so."""
    status = calls.send(operation, {}).status_code
    if status != 404:
        yield f"a missing row gives {status}, not 404: found(…) of core.http raises it"
    if "404" not in operation.spec["responses"]:
        yield "does not declare 404: responses=problems(Problem.NOT_FOUND)"


def round_trips(calls: Calls, operation: Operation) -> Iterator[str]:
    """A list of many rows takes as many round trips as one of one row."""
    counts = []
    for more in (1, 2):
        for _ in range(more):
            calls.fill()
        ids = calls.made(operation)
        calls.database.proxy.clear()
        if calls.send(operation, ids).status_code != 200:
            yield "does not give its list"
        counts.append(len(calls.database.proxy.queries))
    if counts[1] > counts[0]:
        yield f"takes {counts[0]} round trips for some rows and {counts[1]} for more: read them in one statement"


def put_of_no_row(calls: Calls, operation: Operation) -> Iterator[str]:
    """PUT on an id that nobody has makes a row where the client asks for it, and only there."""
    ids = {**calls.made(operation), operation.ids[-1]: str(uuid.uuid4())}
    read = calls.at(operation.path, "get")
    assert read is not None
    status = calls.send(operation, ids).status_code
    if status != 404 or calls.send(read, ids).status_code != 404:
        yield f"PUT on an id that nobody has gives {status} and makes a row: it is 404 without `If-None-Match: *`"
    if "201" in operation.spec["responses"]:
        ids[operation.ids[-1]] = str(uuid.uuid4())
        status = calls.send(operation, ids, headers={"If-None-Match": "*"}).status_code
        if (status, calls.send(read, ids).status_code) != (201, 200):
            yield f"PUT with `If-None-Match: *` declares 201 and gives {status}"


def response_obeys(calls: Calls, operation: Operation) -> Iterator[str]:
    """What comes is what the document says, by the names that it says."""
    calls.fill()
    response = calls.send(operation, calls.made(operation))
    declared = operation.spec["responses"].get(str(response.status_code))
    if declared is None:
        yield f"gives {response.status_code}, which is not declared"
        return
    content = declared.get("content", {})
    if not response.content or not content:
        if response.content or content:
            yield f"{response.status_code}: a body without a schema, or a schema without a body"
        return
    [kind] = {response.headers["content-type"].partition(";")[0]} & content.keys() or [""]
    if not kind:
        yield f"{response.status_code} has another media type than the document says"
    elif kind == "application/json":
        yield from disobeys(response.json(), content[kind]["schema"], operation.schemas)


def naive_times(calls: Calls, operation: Operation) -> Iterator[str]:
    """A time without a zone is 400, wherever one is taken."""
    ids = calls.made(operation)
    for name in _times(operation):
        body = {**operation.request(calls.user.user_id, **ids)["json"], name: _NAIVE}
        status = calls.send(operation, ids, json=body).status_code
        if status != 400:
            yield f"`{name}` takes a time without a zone ({status}): annotate it with TimeInput of core.resources"
    for name in _times_of_query(operation):
        status = calls.send(operation, ids, params={name: _NAIVE}).status_code
        if status != 400:
            yield f"?{name}= takes a time without a zone ({status}): annotate it with TimeInput of core.resources"


def unasked(calls: Calls, operation: Operation) -> Iterator[str]:
    """What `include_…` asks for comes where it was asked for, and only there."""
    ids = calls.made(operation)
    for parameter in _choices(operation):
        name = parameter.removeprefix("include_")
        if name in calls.send(operation, ids).json():
            yield f"`{name}` comes unasked: give the route response_model_exclude_unset=True"
        if name not in calls.send(operation, ids, params={parameter: "true"}).json():
            yield f"?{parameter}=true brings no `{name}`: its schema lacks the field"


def _is_same(one: Any, sent: Any) -> bool:
    """A decimal number comes as text, with as many digits behind the point as it has room for."""
    is_decimal = isinstance(one, str) and isinstance(sent, int | float)
    return Decimal(one) == Decimal(str(sent)) if is_decimal else bool(one == sent)


def other(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Another value than the example of a schema, which the schema allows as well."""
    schema = resolve(schema, schemas)
    if choices := examples(schema):
        return choices[(choices.index(value) + 1) % len(choices)]
    if "anyOf" in schema:
        return other(value, next(one for one in schema["anyOf"] if one.get("type") != "null"), schemas)
    if "enum" in schema:
        return schema["enum"][0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        formats = {**_OTHERS, "uuid": str(uuid.uuid4())}
        return formats.get(schema.get("format", ""), value[::-1])
    return value + 1 if isinstance(value, int | float) else value


def _changing(writer: Operation, ids: Ids) -> Any:
    body = writer.request("me", **ids)["json"]
    return dict([next(iter(body.items()))]) if writer.method == "patch" else body


def _choices(operation: Operation) -> list[str]:
    return [one["name"] for one in operation.spec.get("parameters", []) if one["name"].startswith("include_")]


def _is_time(schema: Mapping[str, Any], operation: Operation) -> bool:
    schema = resolve(schema, operation.schemas)
    return any(one.get("format") == "date-time" for one in (schema, *schema.get("anyOf", ())))


def _times(operation: Operation) -> list[str]:
    fields = (operation.body_schema or {}).get("properties", {})
    return [name for name, schema in fields.items() if _is_time(schema, operation)]


def _times_of_query(operation: Operation) -> list[str]:
    found = [one for one in operation.spec.get("parameters", []) if one["in"] == "query"]
    return [one["name"] for one in found if _is_time(one["schema"], operation)]


def _is_list(operation: Operation) -> bool:
    content = operation.spec["responses"].get("200", {}).get("content", {})
    schema = resolve(content.get("application/json", {}).get("schema", {}), operation.schemas)
    return operation.method == "get" and "items" in schema.get("properties", {})


def _gives_json(operation: Operation) -> bool:
    return "application/json" in operation.spec["responses"].get("200", {}).get("content", {})


def _is_patch(operation: Operation) -> bool:
    return operation.method == "patch" and not operation.chooses


def _is_write(operation: Operation) -> bool:
    """A PUT without a body attaches: a link has no version."""
    if operation.method == "put":
        return operation.body_schema is not None
    if operation.chooses:
        return False
    return operation.method == "patch" or (operation.method == "delete" and "412" in operation.spec["responses"])


def _is_put_of_a_row(operation: Operation) -> bool:
    """Without an id in its path it is the one row of the user, which a PUT makes."""
    return operation.method == "put" and operation.body_schema is not None and bool(operation.ids)


Wall = Callable[[Calls, Operation], Iterator[str]]
# Each with the operations that it is for.
WALLS: dict[Wall, Callable[[Operation], bool]] = {
    patch_of_nothing: _is_patch,
    patch_of_one_field: _is_patch,
    stale_if_match: _is_write,
    missing_row: lambda operation: bool(operation.ids),
    round_trips: _is_list,
    put_of_no_row: _is_put_of_a_row,
    response_obeys: lambda _: True,
    naive_times: lambda operation: bool(_times(operation) or _times_of_query(operation)),
    unasked: lambda operation: bool(_choices(operation)),
}
# These compare the JSON that GET gives; a link has none, and a file is none.
_COMPARE = {patch_of_nothing, patch_of_one_field, stale_if_match, put_of_no_row}


def cases(published: list[Operation]) -> Iterator[tuple[Wall, Operation]]:
    """Each wall with each operation that it is for."""
    readable = {one.path for one in published if one.method == "get" and _gives_json(one)}
    for wall, concerns in WALLS.items():
        for operation in published:
            if concerns(operation) and (wall not in _COMPARE or operation.path in readable):
                yield wall, operation
