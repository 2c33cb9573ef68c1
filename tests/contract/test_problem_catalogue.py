"""docs/problems.md is the catalogue of failures: it tells of each code that there is, and of no other."""

from core.problems import Problem
from tests.conftest import project_root


def test_the_catalogue_lists_every_problem_with_its_status_and_title() -> None:
    listed = {code: (int(status), title) for code, status, title, _, _ in _rows()}
    assert listed == {f"`{problem.code}`": (problem.status, problem.title) for problem in Problem}


def test_the_catalogue_lists_no_problem_twice_and_leaves_nothing_out() -> None:
    rows = _rows()
    assert len(rows) == len(Problem)
    assert [row[0] for row in rows if not all(row)] == []
    assert [row[0] for row in rows if not (row[3].endswith(".") and row[4].endswith("."))] == []


def _rows() -> list[list[str]]:
    """The cells of the table: code, status, title, meaning, what a client does."""
    lines = (project_root() / "docs" / "problems.md").read_text(encoding="utf-8").splitlines()
    table = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    header, rule, *rows = [[cell.strip() for cell in cells] for cells in table]
    assert header == ["code", "status", "title", "meaning", "what a client does"]
    assert rule == ["---"] * 5
    return rows
