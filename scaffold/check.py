"""`make check-slices`: slices of ten lists of fields are made in copies of the project, used, migrated and removed."""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from scaffold.copies import Copy, copied
from scaffold.fields import parse
from scaffold.rejection import RejectedError
from tests.conftest import UserClient
from tests.contract.operations import operations

SEEDS = range(1, 11)
# By name, the fields and what the slice is attached to. The first is what CONTRIBUTING.md makes.
PAIR = {
    "labels": ("name:text80! color:text20 archived:bool due_at:time? kind:enum(plain,checklist)", "tasks"),
    "habits": ("name:text120! target:int! weekly:bool? paused_at:time? note:text5000?", "labels"),
}
# What has no filter.
BARE = {"notes": ("name:text80!", "")}
_NAMES = (
    "recipes",
    "shopping_items",
    "boxes",
    "categories",
    "sketches",
    "projects",
    "meetings",
    "books",
    "trips",
    "ideas",
)
_TYPES = ("text80!", "text20", "text5000", "text40?", "bool", "bool!", "bool?", "int", "int!", "int?", "time!", "time?")
_ENUMS = ("enum(low,high)", "enum(red,green,blue)!", "enum(one,two)?")
# What of `make quick` a slice can break; what it says itself is measured, too.
_LINT = (("ruff", "format", "--check", "--quiet", "."), ("ruff", "check", "--quiet", "."), ("mypy",))
_CONTRACT = [
    f"tests/contract/test_{name}.py"
    for name in ("walls", "openapi_document", "document_rules", "documents", "document_for_generators")
]
_RULES = [
    f"tests/architecture/test_{name}.py"
    for name in ("rules", "plans_of_statements", "plans_at_size", "statements_as_sent", "bounds")
]
_TESTS = ("pytest", "-q", "-x", "-n2", "--dist=loadfile", *_RULES, *_CONTRACT)


def fields_of(seed: int) -> str:
    """A list of fields, the same for each seed."""
    chosen = random.Random(seed)  # noqa: S311 (the same each time is what is wanted)
    kinds = [chosen.choice((*_TYPES, *_ENUMS)) for _ in range(chosen.randint(1, 7))]
    text = " ".join(f"{name}:{kind}" for name, kind in zip(_words(chosen), kinds, strict=False))
    parse(text)
    return text


def _words(chosen: random.Random) -> list[str]:
    words = ["title", "color", "amount", "starts_at", "done", "mood", "place", "price", "size", "seen_at", "level"]
    return chosen.sample(words, len(words))


def tried(slices: dict[str, tuple[str, str]]) -> None:
    """Makes these slices in one copy, in this order; checks, serves, migrates and removes them."""
    with copied() as copy:
        for name, (fields, relation) in slices.items():
            with _step(f"make slice name={name} fields={fields!r} relation={relation}"):
                copy.python("scaffold.make", f"--name={name}", f"--fields={fields}", f"--relation={relation}")
        _check(copy, [*slices])
        with _step("start and use"):
            copy.python("alembic", "upgrade", "head")
            with copy.served() as user:
                for name, (_, relation) in slices.items():
                    _use(user, name, relation)
        with _step("down and up"):
            copy.python("alembic", "downgrade", f"-{len(slices)}")
            copy.python("alembic", "upgrade", "head")
        _remove(copy, slices)


def _check(copy: Copy, slices: list[str]) -> None:
    with _step("lint, types, contracts"):
        for check in _LINT:
            copy.python(*check)
        copy.run(str(Path(sys.executable).with_name("lint-imports")))
    with _step("rules, walls, plans"):
        copy.python(*_TESTS)
    for name in slices:
        with _step(f"its own tests, and what of it they reach: all of {name}"):
            copy.python("coverage", "run", f"--source=modules.{name}", "-m", "pytest", "-q", f"tests/modules/{name}")
            copy.python("coverage", "combine", "--quiet")
            copy.python("coverage", "report", "--fail-under=100")


def _remove(copy: Copy, slices: dict[str, tuple[str, str]]) -> None:
    for name, (_, relation) in slices.items():
        if relation in slices and "remove what declares it first" not in copy.rejected(
            "scaffold.remove", f"--name={relation}"
        ):
            raise RejectedError(f"{relation} was removed, and {name} stands on it")
    with _step("remove"):
        for name in reversed([*slices]):
            copy.python("scaffold.remove", f"--name={name}")
    if not copy.is_clean():
        raise RejectedError(f"left behind:\n{copy.run('git', 'status')}{copy.run('git', 'diff')}")


def dropped() -> None:
    """Of two slices the older one is removed, whose migration others came after: a migration drops its tables."""
    with copied() as copy:
        with _step("make slice, twice"):
            for name in ("recipes", "boxes"):
                copy.python(
                    "scaffold.make", f"--name={name}", "--fields=title:text80! kind:enum(a,b)", "--relation=tasks"
                )
        copy.python("alembic", "upgrade", "head")
        with copy.served() as user:
            _expect(201, user.post(f"/api/v1/users/{user.user_id}/recipes", json={"title": "x"}))
        with _step("remove the older one, which has a row"):
            if "force=yes" not in copy.rejected("scaffold.remove", "--name=recipes"):
                raise RejectedError("a table with a row was not left alone")
            copy.python("scaffold.remove", "--name=recipes", "--force")
        with _step("up, down and up again, without drift"):
            copy.python("alembic", "upgrade", "head")
            copy.python("alembic", "check")
            copy.python("alembic", "downgrade", "-1")
            copy.python("alembic", "upgrade", "head")
        with _step("tests of migrations"):
            copy.python("pytest", "-q", "-x", "tests/migrations/test_migrations.py", "tests/migrations/test_drift.py")


def _use(user: UserClient, name: str, relation: str) -> None:
    """Makes a row with every field, and does to it what can be done; in the end there is none."""
    published = operations(user.get("/openapi.json").json())
    made: dict[str, str] = {}
    for one in (relation, name) if relation else (name,):
        (create,) = (it for it in published if it.method == "post" and it.path.endswith(f"/{{user_id}}/{_path(one)}"))
        response = _expect(201, user.request(**create.request(user.user_id)))
        made[one] = response.headers["location"]
    row = _expect(200, user.get(made[name]))
    assert _expect(200, user.patch(made[name], json={})).json() == row.json()
    assert row.json() in _expect(200, user.get(made[name].rpartition("/")[0])).json()["items"]
    if relation:
        link = f"{made[name]}/{_path(relation)}/{made[relation].rpartition('/')[2]}"
        for status in (204, 204):
            _expect(status, user.put(link))
        _expect(204, user.delete(link))
    for location in made.values():
        _expect(204, user.delete(location, headers={"Idempotency-Key": location[-36:]}))
        _expect(404, user.get(location))


def _path(name: str) -> str:
    return name.replace("_", "-")


def _expect(status: int, response: httpx.Response) -> httpx.Response:
    if response.status_code != status:
        raise RejectedError(f"{response.request.method} {response.request.url}: {response.status_code} {response.text}")
    return response


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    sys.stdout.write(f"  {time.monotonic() - began:6.1f} s  {what}\n")
    sys.stdout.flush()


def main() -> None:
    """The command. Exits with what failed."""
    parser = argparse.ArgumentParser(prog="make check-slices")
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    trials = [{name: (fields_of(seed), "")} for seed, name in zip(SEEDS, _NAMES, strict=True)]
    try:
        for slices in [{"labels": PAIR["labels"]}] if small else [PAIR, BARE, *trials]:
            sys.stdout.write(f"{' and '.join(slices)}\n")
            tried(slices)
        if not small:
            sys.stdout.write("a slice that is not the last one\n")
            dropped()
    except RejectedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
