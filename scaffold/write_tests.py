"""Writes the tests of a slice: what a client relies on, with two rows that differ in every field."""

import pprint
import re
from typing import Any

from scaffold.fields import Field
from scaffold.spec import Spec
from scaffold.write_router import path
from scaffold.write_schemas import sorts

# Stands for a text of so many characters.
_TOO_LONG = "@"
_EARLY, _MIDDLE, _LATE = "2030-01-01T00:00:00Z", "2030-01-15T00:00:00Z", "2030-01-31T00:00:00Z"


def tests(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    names, fields = spec.names, spec.fields
    values = {
        "LEAST": {field.name: _low(field) for field in fields if not field.has_default},
        "DEFAULTS": {field.name: _default(field) for field in fields if field.has_default},
        "FULL": {field.name: _high(field) for field in fields},
        "INVALID": [(field.name, value) for field in fields for value in _invalid(field)],
        "FILTERS": _filters(spec),
        "SORTS": [(name, _order(spec, name)) for name in sorts(spec)],
    }
    text = _HEAD
    text += _FILTERS_VALUE if values["FILTERS"] else ""
    text += _TESTS
    text += _NULLS if any(field.nullable for field in fields) else ""
    text += _FILTERS if values["FILTERS"] else ""
    text += _LINKS if spec.related else ""
    related = spec.related or names
    words = {
        "noun": names.noun,
        "nouns": names.nouns,
        "Nouns": names.nouns.capitalize(),
        "path": path(names),
        "other": related.singular,
        "a_other": related.a_noun,
        "other_noun": related.noun,
        "other_path": path(related),
        "links": spec.links,
        "uuid": "from uuid import uuid4\n" if spec.related else "",
        "database": "TestDatabase, " if spec.related else "",
        "operations": "from tests.contract.operations import operations\n" if spec.related else "",
    }
    for name, word in words.items():
        text = text.replace(f"<{name}>", word)
    for name, value in values.items():
        text = text.replace(f"<{name}>", pprint.pformat(value, sort_dicts=False, width=100))
    return re.sub(rf"'{_TOO_LONG}(\d+)'", r'"x" * \1', text)


def _text(field: Field, start: str) -> str:
    return f"{start}-text"[: field.length]


def _low(field: Field) -> Any:
    """A value that sorts before that of `_high`."""
    low = {"text": _text(field, "a"), "bool": False, "int": 1, "time": _EARLY}
    return low.get(field.kind, field.values[0] if field.values else None)


def _high(field: Field) -> Any:
    high = {"text": _text(field, "b"), "bool": True, "int": 7, "time": _LATE}
    return high.get(field.kind, field.values[-1] if field.values else None)


def _default(field: Field) -> Any:
    if field.nullable:
        return None
    return {"text": "", "bool": False, "int": 0}.get(field.kind, field.values[0] if field.values else None)


def _invalid(field: Field) -> list[Any]:
    found: dict[str, list[Any]] = {
        "text": [f"{_TOO_LONG}{field.length + 1}", *([""] if field.required else [])],
        "bool": ["yes", 1],
        "int": [1.5, 2**31],
        "time": ["2030-01-31T09:00:00", "tomorrow"],
        "enum": ["none of them"],
    }
    return found[field.kind] + ([] if field.nullable else [None])


def _filters(spec: Spec) -> list[tuple[dict[str, Any], str]]:
    """A query, and which of the two rows it finds: the one with the least, `a`, and the full one, `b`."""
    found: list[tuple[dict[str, Any], str]] = []
    for field in spec.fields:
        if field.kind == "time":
            before, after = field.filters
            found += [({before: _MIDDLE}, "" if field.nullable else "a"), ({after: _MIDDLE}, "b")]
        elif field.kind == "bool":
            found += [({field.name: True}, "b"), ({field.name: False}, "" if field.nullable else "a")]
        elif field.is_filter:
            found.append(({field.name: [_high(field)]}, "b"))
            if not field.nullable and field.kind == "enum":
                found.append(({field.name: [*field.values]}, "ab"))
    return found


def _order(spec: Spec, name: str) -> str:
    """How the two rows are sorted."""
    late = any(field.name == name and field.nullable for field in spec.fields)
    return "ba" if late else "ab"


_HEAD = '''\
"""<Nouns> as a client uses them: made, read, listed, changed, synced and deleted."""

from typing import Any
<uuid>
import pytest

from tests.conftest import Caller, <database>assert_problem
<operations>
# What must be given, what the rest is then, and a value for every field that differs from both.
LEAST: Any = <LEAST>
DEFAULTS: Any = <DEFAULTS>
FULL: Any = <FULL>
INVALID: Any = <INVALID>
'''
_FILTERS_VALUE = """\
# A query, and which rows it finds: that with the least, `a`, and the full one, `b`.
FILTERS: Any = <FILTERS>
"""
_TESTS = '''\
# A sort, and the order in which it has the two.
SORTS: Any = <SORTS>


def at(caller: Caller) -> str:
    """The path of the list."""
    return f"/api/v1/users/{caller.user_id}/<path>"


def create(caller: Caller, **fields: Any) -> dict[str, Any]:
    """A stored <noun> as the API answered it."""
    response = caller.post(at(caller), json={**LEAST, **fields})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def items(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    """A page of <nouns>."""
    response = caller.get(at(caller), params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


@pytest.fixture
def both(alice: Caller) -> dict[str, str]:
    """Alice has two <nouns>, `a` with the least and `b` with every field: their ids lead to these letters."""
    return {create(alice)["id"]: "a", create(alice, **FULL)["id"]: "b"}


def test_what_is_left_out_has_its_default(alice: Caller) -> None:
    made = create(alice)
    assert made == {**made, **LEAST, **DEFAULTS}
    assert set(made) == {"id", *FULL, "created_at", "updated_at", "etag"}


def test_every_field_is_stored_and_found_again(alice: Caller) -> None:
    response = alice.post(at(alice), json=FULL)
    assert response.status_code == 201, response.text
    made = response.json()
    assert made == {**made, **FULL}
    assert response.headers["etag"] == made["etag"]
    assert alice.get(response.headers["location"]).json() == made


@pytest.mark.parametrize(("field", "value"), INVALID)
def test_a_value_that_cannot_be_is_rejected(alice: Caller, field: str, value: Any) -> None:
    made = create(alice)
    for response in (
        alice.post(at(alice), json={**LEAST, field: value}),
        alice.patch(f"{at(alice)}/{made['id']}", json={field: value}),
    ):
        (error,) = assert_problem(response, 400, "validation_failed")["errors"]
        assert error["pointer"] == f"/{field}"
    assert items(alice) == [made]


def test_the_same_key_creates_once(alice: Caller) -> None:
    first, again = (alice.post(at(alice), json=FULL, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    assert items(alice) == [first.json()]


@pytest.mark.parametrize("field", FULL)
def test_a_patch_changes_what_it_names(alice: Caller, field: str) -> None:
    made = create(alice)
    changed = alice.patch(f"{at(alice)}/{made['id']}", json={field: FULL[field]}, headers={"If-Match": made["etag"]})
    assert changed.status_code == 200, changed.text
    new = {name: changed.json()[name] for name in ("updated_at", "etag")}
    assert changed.json() == {**made, **new, field: FULL[field]}
    assert new["etag"] != made["etag"]
    stale = alice.patch(f"{at(alice)}/{made['id']}", json={field: FULL[field]}, headers={"If-Match": made["etag"]})
    assert_problem(stale, 412, "precondition_failed")


def test_a_put_replaces_all_and_makes_one_where_it_is_asked_to(alice: Caller) -> None:
    path = f"{at(alice)}/0190a5c4-0000-7000-8000-000000000001"
    assert_problem(alice.put(path, json=FULL), 404, "not_found")
    made = alice.put(path, json=FULL, headers={"If-None-Match": "*"})
    assert (made.status_code, made.headers["etag"]) == (201, made.json()["etag"])
    assert_problem(alice.put(path, json=FULL, headers={"If-None-Match": "*"}), 412, "precondition_failed")
    replaced = alice.put(path, json=LEAST)
    assert replaced.json() == {**replaced.json(), **LEAST, **DEFAULTS, "id": made.json()["id"]}


def test_what_is_deleted_is_gone(alice: Caller) -> None:
    path = f"{at(alice)}/{create(alice)['id']}"
    assert alice.delete(path).status_code == 204
    for response in (alice.get(path), alice.delete(path), alice.patch(path, json={})):
        assert_problem(response, 404, "not_found", detail="No such <noun>.")


@pytest.mark.parametrize(("sort", "order"), SORTS)
def test_a_list_is_sorted_either_way_over_pages(alice: Caller, both: dict[str, str], sort: str, order: str) -> None:
    for query, letters in ((sort, order), (f"-{sort}", order[::-1])):
        first = alice.get(at(alice), params={"sort": query, "limit": 1, "include_total": True}).json()
        second = items(alice, sort=query, cursor=first["next_cursor"])
        assert [both[one["id"]] for one in (*first["items"], *second)] == [*letters]
        assert first["total"] == 2


def test_changes_are_told_since_a_cursor(alice: Caller) -> None:
    kept, gone = create(alice), create(alice)
    feed = alice.get(f"{at(alice)}/changes").json()
    assert (feed["items"], feed["deleted"], feed["has_more"]) == ([kept, gone], [], False)
    alice.delete(f"{at(alice)}/{gone['id']}")
    then = alice.get(f"{at(alice)}/changes", params={"cursor": feed["next_cursor"]}).json()
    assert (then["items"], then["deleted"]) == ([], [gone["id"]])


def test_nobody_elses_are_seen(alice: Caller, bob: Caller) -> None:
    theirs = create(bob)
    assert items(alice) == []
    assert_problem(alice.get(f"{at(alice)}/{theirs['id']}"), 404, "not_found")
'''
_NULLS = """

@pytest.mark.parametrize("field", [field for field, value in DEFAULTS.items() if value is None])
def test_null_clears_what_may_be_null(alice: Caller, field: str) -> None:
    made = create(alice, **FULL)
    changed = alice.patch(f"{at(alice)}/{made['id']}", json={field: None})
    assert (changed.status_code, changed.json()[field]) == (200, None)
"""
_FILTERS = """

@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_a_list_is_narrowed(alice: Caller, both: dict[str, str], query: dict[str, Any], found: str) -> None:
    assert [both[one["id"]] for one in items(alice, sort="created_at", **query)] == [*found]
"""
_LINKS = '''

def create_<other>(caller: Caller) -> str:
    """The id of <a_other>."""
    path = f"/api/v1/users/{caller.user_id}/<other_path>"
    posts = [one for one in operations(caller.get("/openapi.json").json()) if one.method == "post"]
    (post,) = (one for one in posts if one.path.endswith("/{user_id}/<other_path>"))
    made: str = caller.post(path, json=post.request(caller.user_id)["json"]).json()["id"]
    return made


def test_one_is_attached_and_detached(alice: Caller) -> None:
    mine, other, <other>_id = create(alice), create(alice), create_<other>(alice)
    path = f"{at(alice)}/{mine['id']}/<other_path>/{<other>_id}"
    assert items(alice, <other>_id=<other>_id) == []
    for _ in range(2):
        assert alice.put(path).status_code == 204
    assert items(alice, <other>_id=<other>_id) == [mine]
    assert items(alice, <other>_id=create_<other>(alice)) == []
    assert {one["id"] for one in items(alice)} == {mine["id"], other["id"]}
    assert alice.delete(path).status_code == 204
    assert_problem(alice.delete(path), 404, "not_found", detail="No such <noun> on the <other_noun>.")
    assert items(alice, <other>_id=<other>_id) == []


def test_what_is_not_there_cannot_be_attached(alice: Caller, bob: Caller) -> None:
    mine, <other>_id = create(alice)["id"], create_<other>(alice)
    pairs = (mine, uuid4()), (uuid4(), <other>_id), (mine, create_<other>(bob)), (create(bob)["id"], <other>_id)
    for row, one in pairs:
        response = alice.put(f"{at(alice)}/{row}/<other_path>/{one}")
        assert_problem(response, 404, "not_found", detail="No such <noun> or <other_noun>.")
        assert_problem(alice.delete(f"{at(alice)}/{row}/<other_path>/{one}"), 404, "not_found")


@pytest.mark.parametrize("gone", ["<path>", "<other_path>"])
def test_a_link_goes_with_either_of_its_rows(alice: Caller, database: TestDatabase, gone: str) -> None:
    mine, <other>_id = create(alice)["id"], create_<other>(alice)
    alice.put(f"{at(alice)}/{mine}/<other_path>/{<other>_id}")
    row = mine if gone == "<path>" else <other>_id
    assert alice.delete(f"/api/v1/users/{alice.user_id}/{gone}/{row}").status_code == 204
    assert database.query("SELECT 1 FROM <links> WHERE user_id = %s", alice.user_id) == []


def test_a_list_is_not_unchanged_once_something_was_attached(alice: Caller) -> None:
    mine, <other>_id = create(alice)["id"], create_<other>(alice)
    before = alice.get(at(alice), params={"<other>_id": <other>_id})
    alice.put(f"{at(alice)}/{mine}/<other_path>/{<other>_id}")
    headers = {"If-None-Match": before.headers["etag"]}
    assert alice.get(at(alice), params={"<other>_id": <other>_id}, headers=headers).status_code == 200
'''
