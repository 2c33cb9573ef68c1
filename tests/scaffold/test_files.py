"""What is written of a slice, and that it is written as a whole or not at all."""

import ast
import re
from pathlib import Path

import pytest

from scaffold import main_file
from scaffold.check import PAIR
from scaffold.make import files_of, format_files, spec_of, write
from scaffold.rejection import RejectedError
from scaffold.undo import undone_if_it_fails
from tests.architecture.folders import plant
from tests.conftest import project_root

FIELDS, RELATION = PAIR["labels"]


def written(shipped: Path, name: str, fields: str, relation: str = "") -> dict[str, str]:
    return files_of(spec_of(name, fields, "", relation, shipped))


@pytest.fixture
def main(shipped: Path) -> str:
    """The text of main.py."""
    return (shipped / "main.py").read_text(encoding="utf-8")


def test_a_slice_has_the_files_that_every_slice_has(shipped: Path) -> None:
    assert [*written(shipped, "recipes", FIELDS)] == [
        *(f"modules/recipes/{file}.py" for file in ("__init__", "models", "schemas", "repository", "router")),
        *("tests/modules/recipes/__init__.py", "tests/modules/recipes/test_recipes.py"),
    ]


def test_the_command_of_the_document_is_the_one_that_is_tried() -> None:
    document = (project_root() / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f'\nmake slice name=labels fields="{FIELDS}" relation={RELATION}\n' in document


@pytest.mark.parametrize("relation", ["", RELATION])
def test_the_router_is_that_of_tasks(product: Path, relation: str) -> None:
    """The model slice by another name, with what attaches behind it."""
    path = "modules/recipes/router.py"
    plant(product, path, written(product, "recipes", FIELDS, relation)[path])
    format_files(product, path)
    made = [ast.unparse(one) for one in _operations(product / path)]
    model = [ast.unparse(one) for one in _operations(project_root() / "modules/tasks/router.py")]
    model = [one.replace("tasks", "recipes").replace("task", "recipe").replace("Task", "Recipe") for one in model]
    model = [one for one in model if "def count_" not in one]  # of kinds that only tasks have
    assert made[: len(model)] == model
    assert len(made) - len(model) == (2 if relation else 0)


def test_each_filter_and_each_sort_begins_an_index(shipped: Path) -> None:
    models = written(shipped, "recipes", FIELDS)["modules/recipes/models.py"]
    for key in ("created_at", "updated_at", "color", "archived", "kind", "change"):
        assert f'Index("ix_recipes_{key}", "user_id", "{key}"' in models
    assert 'Index("ix_recipes_name", "user_id", text("lower(name)"), "id")' in models
    assert 'Index("ix_recipes_due_at", "user_id", text("COALESCE(due_at, ' in models


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("pages", "title:text80!", "There would be two of `Page`"),
        ("changes", "title:text80!", "`Changes` is something else in modules/changes/router.py"),
        ("recipes", "datetime:time", "`datetime` is something else in modules/recipes/models.py"),
        ("recipes", "field:text80", "`Field` is something else in modules/recipes/schemas.py"),
    ],
)
def test_a_name_that_would_hide_another_is_rejected(shipped: Path, name: str, fields: str, sentence: str) -> None:
    with pytest.raises(RejectedError, match=sentence):
        written(shipped, name, fields)


def test_a_field_cannot_be_called_as_the_filter_by_relation(shipped: Path) -> None:
    with pytest.raises(RejectedError, match="cannot be called `task_id`"):
        written(shipped, "recipes", "task_id:text80", "tasks")


@pytest.mark.parametrize("name", ["accords", "recipes", "zebras"])
def test_main_serves_it_by_two_lines_that_can_be_taken_out(main: str, name: str) -> None:
    made = main_file.with_slice(main, name)
    added = [line for line in made.splitlines() if line not in main.splitlines()]
    assert added == [f"from modules.{name} import router as {name}", f"        {name}.router,"]
    assert made.index(f"{name}.router,") < made.index("users.router,")
    assert main_file.without_slice(made, name) == main


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ("import modules.recipes.models\n", [1]),
        ("from modules.recipes.router import Limits\n\n_LIMITS = {Limits: Limits(3)}\n", [1, 3]),
        ("_LIMITS = recipes.Limits(3)\n", [1]),
    ],
)
def test_what_else_main_has_of_a_slice_is_told_by_line(main: str, more: str, lines: list[int]) -> None:
    served = main_file.with_slice(main, "recipes")
    told = ", ".join(str(served.count("\n") + line) for line in lines)
    with pytest.raises(RejectedError, match=rf"^main\.py uses modules\.recipes in line {told} too: "):
        main_file.without_slice(served + more, "recipes")


def test_a_main_that_says_something_else_is_left_alone(main: str) -> None:
    with pytest.raises(RejectedError, match="does not have the one line"):
        main_file.without_slice(main, "recipes")
    with pytest.raises(RejectedError, match=r"no place for recipes\.router"):
        main_file.with_slice(re.sub(r"^        \w+\.router,\n", "", main, flags=re.MULTILINE), "recipes")


def test_what_fails_half_way_leaves_nothing_and_overwrites_nothing(product: Path) -> None:
    spec = spec_of("recipes", FIELDS, "", "", product)
    plant(product, "tests/modules/recipes/test_recipes.py", '"""Somebody else\'s."""')
    before = _contents(product)
    with pytest.raises(FileExistsError):
        write(spec, product)
    assert _contents(product) == before
    assert not (product / "modules/recipes").exists()


def test_what_was_there_comes_back_and_what_was_not_goes(product: Path) -> None:
    before = _contents(product)
    with pytest.raises(KeyboardInterrupt):
        _be_interrupted(product)
    assert _contents(product) == before
    assert not (product / "modules/recipes").exists()


def _be_interrupted(product: Path) -> None:
    with undone_if_it_fails(product):
        plant(product, "modules/recipes/models.py", "x")
        plant(product, "main.py", "x")
        (product / "modules/tasks/router.py").unlink()
        raise KeyboardInterrupt


def _operations(path: Path) -> list[ast.AsyncFunctionDef]:
    """Without what they say of themselves."""
    found = [
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.AsyncFunctionDef)
    ]
    for one in found:
        del one.body[0]
    return found


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
