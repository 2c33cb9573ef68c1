"""Tries everything that docs/compatibility.md lists, and writes its tables: `python -m tests.compatibility.run`.

`--small` repeats less, leaves out what `make check` and `make test-better-auth` run as well, and leaves the document as
it is.
"""

import re
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.compatibility.rows import ROWS, Row
from tests.faults import packages

# Without tests.conftest, which imports what pytest wants to import itself.
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
PROGRAMS = ("pgbouncer", "nginx", "haproxy", "java", "curl", "chromium")
_VERSIONS = {
    "OpenJDK": ["java", "-version"],
    "Chromium": ["chromium", "--version"],
    "curl": ["curl", "--version"],
    "Node": ["node", "--version"],
    "nginx": ["nginx", "-v"],
    "HAProxy": ["haproxy", "-v"],
    "PgBouncer": ["pgbouncer", "--version"],
}


class Outcomes:
    """What became of each test, and why it was skipped."""

    def __init__(self) -> None:
        self.passed: dict[str, int] = defaultdict(int)
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """pytest's hook."""
        if report.when == "call" and report.passed:
            self.passed[report.nodeid] += 1
        elif report.skipped and isinstance(report.longrepr, tuple):
            self.skipped[report.nodeid] = str(report.longrepr[2]).removeprefix("Skipped: ")

    def of(self, row: Row) -> str:
        """The result of a row whose tests did not fail."""
        passed = [name for name in self.passed if name.startswith(row.tests)]
        skipped = sorted({reason for name, reason in self.skipped.items() if name.startswith(row.tests)})
        works = f"works ({len(passed)} tests)" if len(passed) > 1 else "works"
        return "; ".join([*([works] if passed else []), *(f"left out: {reason}" for reason in skipped)])


def main() -> None:
    """Ends as pytest does."""
    small = "--small" in sys.argv
    packages.install(PROGRAMS)
    outcomes = Outcomes()
    rows = [row for row in ROWS if not small or row.tests[0].startswith("tests/compatibility")]
    tests = list(dict.fromkeys(test for row in rows for test in row.tests))
    options = ["-q", *(["--small"] if small else [])]
    status = pytest.main([*tests, *options], plugins=[outcomes])
    results = [outcomes.of(row) for row in rows]
    if status == pytest.ExitCode.OK and not all(results):
        sys.exit(f"No test stands for: {[row.who for row, result in zip(rows, results, strict=True) if not result]}")
    if status == pytest.ExitCode.OK and not small:
        _write(results)
    sys.exit(status)


def _write(results: list[str]) -> None:
    head = ["client, proxy or deployment", "what was tried", "result"]
    lines = [head, ["---"] * 3, *([row.who, row.tried, result] for row, result in zip(ROWS, results, strict=True))]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    found = ", ".join(f"{name} {version}" for name, command in _VERSIONS.items() if (version := _version(command)))
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = "<!-- written by make test-compatibility -->", "<!-- end -->"
    written = f"{begin}\n{table}\n\n{datetime.now(UTC):%Y-%m-%d}, with {found}.\n{end}"
    DOCUMENT.write_text(re.sub(f"{begin}.*{end}", lambda _: written, text, flags=re.DOTALL), encoding="utf-8")


def _version(command: list[str]) -> str:
    program = packages.find(command[0])
    if program is None:
        return ""
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else ""


if __name__ == "__main__":
    main()
