"""What is looked at before a slice is taken out: its migration, its tables in a database, and who stands on it."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from core.database import migrations
from scaffold import databases, main_file
from scaffold import remove as removal
from scaffold.make import makes_only
from scaffold.rejection import RejectedError
from scaffold.remove import remove
from tests.conftest import TestDatabase, UserClient, project_root


@pytest.mark.parametrize("name", ["nothing_of_that_name", "", "../modules/tasks"])
def test_what_is_no_slice_is_not_removed(name: str) -> None:
    with pytest.raises(RejectedError, match="that can be removed"):
        remove(name, project_root())


@pytest.mark.parametrize("name", ["tasks", "users", "auth"])
def test_what_the_product_came_with_stays_and_what_to_do_instead_is_told(name: str) -> None:
    with pytest.raises(
        RejectedError, match=rf"^Others stand on `{name}`, so it stays: (docs/adopting\.md) "
    ) as rejected:
        remove(name, project_root())
    assert (project_root() / str(rejected.value).partition(": ")[2].split()[0]).exists()


def test_a_slice_without_a_table_goes_and_leaves_the_migrations(product: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "in_use", lambda: nullcontext(None))
    monkeypatch.setattr(removal, "run", lambda *_: None)  # the documents, which tests of documents are for
    before = {path: path.read_bytes() for path in product.rglob("*.py")}
    _write_converter(product)
    assert remove("converter", product) == "It had no table, and nothing is left."
    assert {path: path.read_bytes() for path in product.rglob("*.py")} == before


def _write_converter(product: Path) -> None:
    folder = product / "modules" / "converter"
    folder.mkdir()
    for name in ("__init__", "router", "schemas", "models", "repository"):
        (folder / f"{name}.py").touch()
    main = product / "main.py"
    main.write_text(main_file.with_slice(main.read_text(encoding="utf-8"), "converter"), encoding="utf-8")


@pytest.mark.parametrize(
    ("upgrade", "alone"),
    [
        ('op.create_table(\n        "recipes",\n    sa.Column("id", sa.Uuid(), name=op.f("pk_recipes")))', True),
        ('op.create_table("recipes")\n    op.create_index("ix_recipes_title", "recipes", ["title"])', True),
        ('op.create_table("recipes")\n    op.create_table("boxes")', False),
        ('op.create_table("recipes")\n    op.add_column("tasks", sa.Column("color", sa.Text()))', False),
        ('op.create_table("recipes")\n    op.execute("UPDATE tasks SET title = title")', False),
        ('op.create_index("ix_recipes_title", "recipes", ["title"])', False),
    ],
)
def test_a_migration_is_the_slices_alone_or_stays(tmp_path: Path, upgrade: str, alone: bool) -> None:
    file = tmp_path / "20300101_recipes.py"
    file.write_text(
        f'def upgrade() -> None:\n    {upgrade}\n\n\ndef downgrade() -> None:\n    op.drop_table("recipes")\n'
    )
    assert makes_only(file, ["recipes"]) is alone


def test_a_database_tells_its_revision_and_which_tables_have_rows(database: TestDatabase, alice: UserClient) -> None:
    alice.create_task()
    assert databases.applied(database.url) == migrations.head()
    assert databases.has_rows(database.url, ["tasks", "no_such_table"]) == ["todo.tasks"]


def test_an_empty_database_has_neither(postgres: object) -> None:
    url = postgres.get_uri()  # type: ignore[attr-defined]
    assert (databases.applied(url), databases.has_rows(url, ["tasks"])) == (None, [])


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("postgresql://u@localhost/d", True),
        ("postgresql://u@127.0.0.1:5433/d", True),
        ("postgresql:///d?host=/tmp", True),
        ("postgresql:///d", True),
        ("postgresql://u@db.example.com/d", False),
        ("postgresql://u@localhost,db.example.com/d", False),
    ],
)
def test_a_database_on_this_machine_is_told_by_its_hosts(url: str, here: bool) -> None:
    assert databases.is_here(url) is here
