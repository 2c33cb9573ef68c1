"""The table of mistakes says no sentence that no check says."""

import re

import pytest

from tests.conftest import project_root

_ROW = re.compile(r"^\| (?P<mistake>[^|]+) \| (?P<by>[^|]+) \| \d+ \| `(?P<words>.+)` \|$", re.MULTILINE)
ROWS = list(_ROW.finditer((project_root() / "docs/mistakes.md").read_text(encoding="utf-8")))


def test_there_are_as_many_as_are_promised() -> None:
    text = (project_root() / "docs/mistakes.md").read_text(encoding="utf-8")
    assert len(ROWS) == text.count("\n| ") - 1 >= 25


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["mistake"])
def test_the_sentence_is_in_the_check(row: "re.Match[str]") -> None:
    files = re.findall(r"`([\w./]+\.(?:py|toml))`", row["by"])
    sources = [(project_root() / file).read_text(encoding="utf-8") for file in files]
    # A sentence may go on in the next line of its source.
    joined = [re.sub(r"\"\s*\n\s*f?\"", "", source) for source in sources]
    assert any(row["words"].rstrip() in source for source in joined)
