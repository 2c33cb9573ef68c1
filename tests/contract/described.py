"""Whether each place of the document says in words what it is: of that generated clients make their comments."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.contract.operations import operations

_SENTENCE = (".", ")")


def undescribed(document: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each parameter and each field that has no description, with what to write."""
    for operation in operations(document):
        for one in operation.spec.get("parameters", ()):
            place, declaration = f"{operation.id}: `{one['name']}`", _declaration(one["in"])
            if not one.get("description"):
                yield f"{place} has no description: {declaration}"
            elif not one["description"].endswith(_SENTENCE):
                yield f"{place} has a description without a full stop"
    for name, schema in document["components"]["schemas"].items():
        if {"user_id", "version"} <= schema.get("properties", {}).keys():
            yield f"{name} is a table and no schema: give the operation that returns it response_model={name}Read"
            continue
        for field, one in schema.get("properties", {}).items():
            if not one.get("description"):
                yield f'{name}.{field} has no description: Field(description="…")'


def _declaration(place: str) -> str:
    """How one is given to a parameter: fields of a model have those of a query."""
    kind = "Field" if place == "query" else place.title()
    return f'{kind}(description="…") in its Annotated[…]'
