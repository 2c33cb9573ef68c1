"""The catalogue of failures: docs/problems.md has each code, docs/offline.md each status of a write."""

import re

from core.problem_advice import ADVICE, FIELD_ADVICE
from core.problems import FieldCode, FieldParams, Problem
from tests.conftest import project_root
from tests.contract.operations import document, operations


def test_the_catalogue_lists_every_problem_with_its_status_and_title() -> None:
    listed = {code: (int(status), title) for code, status, title, _, _ in _rows()}
    assert listed == {f"`{problem.code}`": (problem.status, problem.title) for problem in Problem}


def test_the_catalogue_lists_no_problem_twice_and_leaves_nothing_out() -> None:
    rows = _rows()
    assert len(rows) == len(Problem)
    assert [row[0] for row in rows if not all(row)] == []
    assert [row[0] for row in rows if not (row[3].endswith(".") and row[4].endswith("."))] == []


def test_what_is_said_of_each_problem_is_what_its_page_says() -> None:
    assert {row[0].strip("`"): tuple(row[3:]) for row in _rows()} == {one.code: text for one, text in ADVICE.items()}


def test_the_catalogue_lists_every_code_of_a_field_with_its_parameters() -> None:
    assert set(FIELD_ADVICE) == set(FieldCode)
    rows = _table(["code in `errors`", "`params`", "meaning"])
    assert {row[0]: (row[1], row[2]) for row in rows} == {
        f"`{code}`": (params or "-", meaning) for code, (params, meaning) in FIELD_ADVICE.items()
    }
    named = {name for params, _ in FIELD_ADVICE.values() for name in re.findall("`(.*?)`", params)}
    assert named == set(FieldParams.__annotations__)


def test_an_outbox_knows_what_to_do_with_every_response_to_a_write() -> None:
    writes = {"createTask", "replaceTask", "updateTask", "deleteTask"}
    given = {status for one in operations(document()) if one.id in writes for status in one.spec["responses"]}
    told = {status for row in _table(["response to a write", "the write"], "offline") for status in row[0].split()}
    assert {status for status in given if status >= "400"} - {status.strip(",") for status in told} == set()


def _rows() -> list[list[str]]:
    """The cells of the table: code, status, title, meaning, what a client does."""
    return _table(["code", "status", "title", "meaning", "what a client does"])


def _table(header: list[str], page: str = "problems") -> list[list[str]]:
    """The rows below this header."""
    text = (project_root() / "docs" / f"{page}.md").read_text(encoding="utf-8")
    tables = [part.splitlines() for part in text.split("\n\n") + text.split("-->\n") if part.startswith("|")]
    cells = [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in one if line.startswith("|")]
        for one in tables
    ]
    ((_, rule, *rows),) = [one for one in cells if one[0] == header]
    assert rule == ["---"] * len(header)
    return rows
