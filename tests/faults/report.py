"""The tables of docs/reliability.md: each stands between two marks and is written anew when it was measured."""

import re
from collections.abc import Mapping, Sequence

from tests.conftest import project_root
from tests.faults.trial import Trial

DOCUMENT = project_root() / "docs" / "reliability.md"
_FAULT_HEAD = (
    "fault",
    "responses, from the fault on",
    "what the log says",
    "longest response",
    "longest `/health/live`",
    "first success after its end",
    "last failure after its end",
    "acknowledged",
    "**lost**",
    "rejected",
    "**of these done**",
    "unknown",
    "of these done",
    "creates with a key",
    "**doubled**",
)


class Report:
    """Gathers tables, and writes them at the end."""

    def __init__(self, command: str = "make test-faults") -> None:
        self._command = command
        self._tables: dict[str, list[str]] = {}

    def table(self, mark: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Takes a table for the place with that mark."""
        lines = [head, ["---"] * len(head), *rows]
        self._tables[mark] = [f"| {' | '.join(str(cell) for cell in line)} |" for line in lines]

    def faults(self, mark: str, trials: Sequence[Trial], *, by_way: bool = False) -> None:
        """Takes the table of the faults; `by_way`, the rows name theirs."""
        rows = [[f"{trial.fault}; {trial.way}" if by_way else trial.fault, *figures(trial)] for trial in trials]
        self.table(mark, _FAULT_HEAD, rows)

    def write(self) -> None:
        """Puts the tables at their places, but for one with fewer rows than stand there: it was not measured whole."""
        text = DOCUMENT.read_text(encoding="utf-8")
        for mark, lines in self._tables.items():
            begin, end = f"<!-- {mark}: written by {self._command} -->", f"<!-- {mark}: end -->"
            place = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", text, re.DOTALL)
            assert place is not None, f"docs/reliability.md has no place for {mark}"
            if len(lines) + 2 < len(place[0].splitlines()):
                continue
            text = text[: place.start()] + "\n".join([begin, *lines, end]) + text[place.end() :]
        DOCUMENT.write_text(text, encoding="utf-8")


def statuses(counted: Mapping[int, int]) -> str:
    """`200: 31, 503: 4`."""
    return ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(counted.items()))


def figures(trial: Trial) -> list[object]:
    """The cells of a trial after its name."""
    seen, verdict = trial.seen, trial.verdict
    last = seen.last_failure(trial.ended)
    return [
        statuses(seen.statuses(trial.began)),
        ", ".join(f"{cause}: {count}" for cause, count in trial.causes.most_common(3)) or "",
        f"{max(response.seconds for response in seen.since(trial.began)):.2f} s",
        f"{seen.longest_live():.2f} s",
        f"{trial.first_success:.2f} s",
        "none" if last is None else f"{last:.2f} s",
        verdict.acknowledged,
        verdict.lost,
        verdict.rejected,
        verdict.appeared,
        verdict.unknown,
        verdict.unknown_done,
        verdict.keyed,
        verdict.doubled,
    ]
