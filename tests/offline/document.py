"""The figures of docs/offline.md, written when many schedules were run."""

import re
from datetime import UTC, datetime

from tests.conftest import project_root
from tests.offline.schedules import COUNTERS, FIGURES, Outcome

DOCUMENT = project_root() / "docs" / "offline.md"
BEGIN, END = "<!-- written by make test-offline -->", "<!-- end -->"


def write(outcome: Outcome) -> None:
    """Writes the figures into their place."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    place = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
    DOCUMENT.write_text(place.sub(lambda _: f"{BEGIN}\n{_figures(outcome)}\n{END}", text), encoding="utf-8")


def _figures(outcome: Outcome) -> str:
    faults = ", ".join(f"{name} {count:,}" for name, count in sorted(outcome.faults.items()) if name != "none")
    rows = [
        ("schedules", f"{outcome.seeds:,}"),
        ("creates and put-backs, edits, deletions", ", ".join(f"{count:,}" for count in outcome.did.values())),
        *((meaning, f"{outcome.figures[name]:,}") for name, meaning in FIGURES.items()),
        ("faults", faults),
        *((meaning, f"**{len(outcome.found[name])}**") for name, meaning in COUNTERS.items()),
    ]
    table = "\n".join(["| counted | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    return f"{table}\n\nMeasured on {datetime.now(UTC):%Y-%m-%d}."
