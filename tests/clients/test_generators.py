"""What a page does first, with each generator that people use: compiled strictly, without a cast, and run."""

import json
import re
from pathlib import Path

import pytest

from tests.clients.workplace import GENERATORS, HERE, Workplace
from tests.conftest import UserClient

CURSOR = "limit: 1"
NOT_ASSIGNABLE = "TS2322|TS2345|TS2375|TS2379|TS2820"
# A mistake of somebody who writes such a program: what is replaced by what, and what the compiler says.
MISTAKES = {
    "a deleted case": ('    case "not_found":\n', "", "TS2366"),
    "a misspelt code": ('case "not_found":', 'case "not_found":\n    case "not_fuond":', "TS2678"),
    "null as a cursor": (CURSOR, f"{CURSOR}, cursor: null", NOT_ASSIGNABLE),
    "a number as a cursor": (CURSOR, f"{CURSOR}, cursor: 2", NOT_ASSIGNABLE),
    "a misspelt field": ("{ title: ", "{ titel: ", "TS2561|TS2353"),
    "an unknown order": ('sort: "created_at"', 'sort: "create_at"', NOT_ASSIGNABLE),
}
# What each program prints, besides the entity tag.
FOUND = {
    "pages": [["Water the plants"], ["Feed the cat"]],
    "changed": "Water the plants again",
    "stale": "read again: 412",
}
# Ways to silence the compiler.
_CAST = re.compile(r"\bas (?!const\b)|@ts-|\bany\b|[\w)\]]!")


def _text(program: str) -> str:
    return (HERE / "programs" / f"{program}.ts").read_text(encoding="utf-8")


def titles(user: UserClient) -> list[str]:
    """Of the tasks that there are, the newest first."""
    return [task["title"] for task in user.get(user.tasks).json()["items"]]


@pytest.fixture(scope="module")
def errors(place: Workplace) -> dict[str, set[str]]:
    """What the compiler says of the programs and of each with each mistake, by their names."""
    for program in GENERATORS:
        for number, (right, wrong, _) in enumerate(MISTAKES.values()):
            assert right in _text(program)
            (place.folder / f"{program}.{number}.ts").write_text(_text(program).replace(right, wrong, 1))
    found = place.compile()
    for path in place.folder.glob("*.[0-9].ts"):
        path.unlink()
    return {file.removesuffix(".ts"): set(codes) for file, codes in found.items()}


def test_everything_that_is_generated_and_every_program_compiles(errors: dict[str, set[str]]) -> None:
    assert {file: codes for file, codes in errors.items() if not re.search(r"\.\d$", file)} == {}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("program", GENERATORS)
def test_a_mistake_does_not_compile(errors: dict[str, set[str]], program: str, mistake: str) -> None:
    found = errors.get(f"{program}.{list(MISTAKES).index(mistake)}", set())
    assert found
    assert found <= set(MISTAKES[mistake][2].split("|"))


@pytest.mark.parametrize("path", sorted((HERE / "programs").glob("*.ts")), ids=lambda path: path.stem)
def test_no_program_silences_the_compiler(path: Path) -> None:
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if _CAST.search(line.split("//")[0])] == []


@pytest.mark.parametrize("program", GENERATORS)
def test_every_program_runs(place: Workplace, alice: UserClient, program: str) -> None:
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    printed = place.execute(program, API=str(alice.base_url).rstrip("/"), TOKEN=token)
    assert json.loads(printed) == {**FOUND, "etag": alice.etag(1)}
    assert titles(alice) == ["Feed the cat", "Water the plants again"]
