"""Redocly and spectral find nothing to say about the OpenAPI document."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.workplace import DOCUMENT, Workplace

# What reads any problem is for clients: as a response of an operation it would make any text of the codes there.
UNUSED = "components/schemas/ProblemDetails"


def _redocly(place: Workplace, file: str) -> list[str]:
    written = place.run("redocly", "lint", "--config=redocly.yaml", "--format=json", file).stdout
    found = [one for one in json.loads(written)["problems"] if one["location"][0]["pointer"] != f"#/{UNUSED}"]
    return [f"{one['severity']}: {one['message']}" for one in found]


def _spectral(place: Workplace, file: str) -> list[str]:
    done = place.run("spectral", "lint", "--ruleset=spectral.yaml", "--format=json", "--fail-severity=hint", file)
    written = done.stdout[: done.stdout.rindex("]") + 1]  # a sentence may follow
    found = [one for one in json.loads(written) if "/".join(map(str, one["path"])) != UNUSED]
    return [f"{one['severity']}: {one['message']}" for one in found]


LINTERS: dict[str, Callable[[Workplace, str], list[str]]] = {"redocly": _redocly, "spectral": _spectral}


@pytest.fixture(scope="module")
def mistaken(place: Workplace) -> str:
    """The document with an operation that refers to nothing, and a schema that nothing refers to."""
    document: dict[str, Any] = copy.deepcopy(json.loads(DOCUMENT.read_text(encoding="utf-8")))
    task = document["paths"]["/api/v1/users/{user_id}/tasks/{task_id}"]["get"]
    task["responses"]["200"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Tsak"}
    document["components"]["schemas"]["Unused"] = {"type": "object"}
    (place.folder / "mistaken.json").write_text(json.dumps(document))
    return "mistaken.json"


@pytest.mark.parametrize("linter", LINTERS)
def test_the_document_has_no_error_and_no_warning(place: Workplace, linter: str) -> None:
    assert LINTERS[linter](place, "openapi.json") == []


@pytest.mark.parametrize("linter", LINTERS)
def test_both_kinds_are_found(place: Workplace, mistaken: str, linter: str) -> None:
    found = LINTERS[linter](place, mistaken)
    assert len(found) == 2
    assert len({one.split(":")[0] for one in found}) == 2
