"""What documents say of the code is what `make docs` writes, and what it draws follows the code."""

import re
from pathlib import Path

import pytest

from tests.architecture.folders import copy_product, plant
from tests.conftest import TestDatabase, project_root
from tests.contract.code_map import code_map
from tests.contract.picture import picture, reduced
from tests.contract.settings_table import settings_table
from tests.contract.write_documents import OPENAPI, PARTS, README, filled, fresh

pytestmark = pytest.mark.slow

WAY = ["core/server/protocol.py", "core/http/dispatch.py", "core/server/sending.py", "modules/tasks/router.py"]


@pytest.fixture(scope="module")
def documents(database: TestDatabase) -> dict[str, str]:
    """As they should be."""
    return fresh(database.url)


@pytest.mark.parametrize("path", [*PARTS, OPENAPI])
def test_a_document_says_what_the_code_is(documents: dict[str, str], path: str) -> None:
    written = (project_root() / path).read_text(encoding="utf-8")
    assert written == documents[path], "if the change was meant, run `make docs`"


def test_an_import_is_an_arrow_unless_others_say_it(tmp_path: Path) -> None:
    copy_product(tmp_path)
    before = picture(tmp_path, WAY)
    plant(tmp_path, "core/http/routing.py", "import core.config")  # by core/resources
    assert picture(tmp_path, WAY) == before
    plant(tmp_path, "core/logging/lines.py", "from core.tokens import claims")
    line = "    core_metrics --> core_http\n"
    assert line in before
    assert picture(tmp_path, WAY) == before.replace(line, f"    core_logging --> core_tokens\n{line}")


def test_an_arrow_that_two_others_say_is_left_out() -> None:
    assert reduced({"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": set()}) == {
        "a": {"b", "d"},
        "b": {"c"},
        "c": set(),
        "d": set(),
    }


def test_rooms_have_the_number_at_which_a_request_enters_them() -> None:
    lines = picture(project_root(), WAY)
    assert '["server (1)"]' in lines
    assert '["http (2)"]' in lines
    assert '["tasks (3)"]' in lines
    assert '["tokens"]' in lines


def test_the_map_has_every_file_and_begins_where_a_request_does(tmp_path: Path) -> None:
    plant(copy_product(tmp_path), "core/http/more.py", '"""Something\nnew | old.\n\nAnd more."""')
    lines = code_map(tmp_path, WAY).splitlines()
    titles = [line.removeprefix("### ") for line in lines if line.startswith("### ")]
    assert titles[:4] == ["main.py", "core/server", "core/http", "modules/tasks"]
    assert titles[-1] == "core"
    assert "|  | [more.py](../core/http/more.py) | Something new \\| old. |" in lines
    assert lines[lines.index("### core/server") + 4].startswith("| 1 | [protocol.py](../core/server/protocol.py) |")


def test_a_setting_that_only_one_side_knows_is_named(tmp_path: Path) -> None:
    example = tmp_path / ".env.example"
    example.write_text("# Whether.\n# APP_ENV=development\n")
    with pytest.raises(AssertionError, match="'web_concurrency'"):
        settings_table(example)
    example.write_text("# Whether.\n# APP_ENVIRONMENT=development\n")
    with pytest.raises(AssertionError, match=r"'app_environment'.* not in both Settings and"):
        settings_table(example)


def test_a_document_without_a_place_for_a_part_is_named() -> None:
    place = "a\n<!-- x: written by make docs -->\n{}\n<!-- x: end -->\nb\n"
    for path in (README, "docs/a.md"):
        assert filled(place.format("old"), {"x": r"new \1"}, path) == place.format(r"new \1")
        with pytest.raises(AssertionError, match=f"{path} has no one place for x: <!-- x: written by make docs -->"):
            filled("a\n<!-- x: end -->\n", {"x": "new"}, path)
    with pytest.raises(AssertionError, match=r"docs/a\.md has no one place for x"):
        filled("a\n", {"x": "new"}, "docs/a.md")


def test_the_readme_of_another_product_needs_no_place() -> None:
    assert filled("# Ledger\n", {"x": "new"}, README) == "# Ledger\n"


def test_each_decision_is_named_once_in_the_list_by_subject() -> None:
    text = (project_root() / "DECISIONS.md").read_text(encoding="utf-8")
    numbers = re.findall(r"^## (\d+)\. ", text, re.MULTILINE)
    listed = re.findall(r"^\| [^|]+ \| ((?:\d+, )*\d+) \|$", text.split("\n## ", 1)[0], re.MULTILINE)
    assert sorted(map(int, ", ".join(listed).split(", "))) == [*map(int, numbers)]
