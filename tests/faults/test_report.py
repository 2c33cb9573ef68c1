"""What `make test-faults` and `make test-failover` write into docs/reliability.md, and what they leave as it is."""

from pathlib import Path

import pytest

from tests.faults import report

BEFORE = "a\n<!-- x: written by make test-faults -->\n| n |\n| --- |\n| 1 |\n| 2 |\n<!-- x: end -->\nb\n"


@pytest.mark.parametrize(
    ("rows", "after"),
    [
        ([[3], [4]], BEFORE.replace("1", "3").replace("2", "4")),
        ([[3], [4], [5]], BEFORE.replace("1", "3").replace("| 2 |", "| 4 |\n| 5 |")),
        ([[3]], BEFORE),
        ([], BEFORE),
    ],
)
def test_a_table_is_written_when_it_was_measured_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[object]], after: str
) -> None:
    document = tmp_path / "reliability.md"
    document.write_text(BEFORE)
    monkeypatch.setattr(report, "DOCUMENT", document)
    made = report.Report()
    made.table("x", ["n"], rows)
    made.write()
    assert document.read_text() == after
