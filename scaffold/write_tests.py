"""Writes the tests of a slice: what a client relies on, with two rows that differ in every field."""

import pprint
import re
from typing import Any

from scaffold.fields import Field
from scaffold.spec import Spec
from scaffold.texts import filled, template
from scaffold.write_router import path
from scaffold.write_schemas import sorts

# Stands for a text of so many characters.
_TOO_LONG = "@"
_EARLY, _MIDDLE, _LATE = "2030-01-01T00:00:00Z", "2030-01-15T00:00:00Z", "2030-01-31T00:00:00Z"


def tests(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    filters = _filters(spec)
    text = template("tests_head") + (_FILTERS_VALUE if filters else "") + template("tests")
    text += template("tests_nulls") if any(field.nullable for field in spec.fields) else ""
    text += template("tests_filters") if filters else ""
    text += template("tests_links") if spec.related else ""
    values = {
        "LEAST": {field.name: _low(field) for field in spec.fields if not field.has_default},
        "DEFAULTS": {field.name: _default(field) for field in spec.fields if field.has_default},
        "FULL": {field.name: _high(field) for field in spec.fields},
        "INVALID": [(field.name, value) for field in spec.fields for value in _invalid(field)],
        "FILTERS": filters,
        "SORTS": [(name, _order(spec, name)) for name in sorts(spec)],
    }
    formatted = {name: pprint.pformat(value, sort_dicts=False, width=100) for name, value in values.items()}
    text = filled(text, _words(spec) | formatted)
    return re.sub(rf"'{_TOO_LONG}(\d+)'", r'"x" * \1', text)


def _words(spec: Spec) -> dict[str, str]:
    names, related = spec.names, spec.related or spec.names
    return {
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


_FILTERS_VALUE = """\
# A query, and which rows it finds: that with the least, `a`, and the full one, `b`.
FILTERS: Any = <FILTERS>
"""
