"""Runs tests/offline/client: two tabs, a bad network by a seed, and the verdict on each seed."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.conftest import SECRET, TestDatabase, project_root

CLIENT = project_root() / "tests" / "offline" / "client"
# What is counted, by the names that the oracle gives them; each must be 0.
COUNTERS = {
    "lost": "writes lost",
    "doubled": "writes done twice, or after they were given up",
    "false412": "412 without a change by the other tab",
    "unseen": "deletions that a tab did not see",
    "different": "differences of a tab's state from the full list",
    "unsettled": "writes without a response at the end",
}
# What else is counted, by the names that the client gives it.
FIGURES = {
    "requests": "requests that reached the API",
    "repeats": "of these repeats, recognised by their key",
    "conflicts": "412 as the other tab had changed the task",
    "unstored": "done in a tab that was closed before its outbox had it",
}
# Of the API's table, for the comparison with the full list.
_ROWS = """
    SELECT id::text, title, description, status, version, due_at IS NULL, completed_at IS NULL
    FROM todo.tasks WHERE user_id = %s ORDER BY id
"""


@dataclass
class Outcome:
    """What many schedules came to. `found` has the sentences of each counter with their seeds."""

    seeds: int = 0
    did: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    found: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in COUNTERS})

    def add(self, result: dict[str, Any]) -> None:
        """One more schedule."""
        self.seeds += 1
        self.did.update(result["did"])
        self.faults.update(result["faults"])
        self.figures.update({name: result[name] for name in FIGURES})
        for name, sentences in result["found"].items():
            self.found[name] += [f"seed {result['seed']}: {sentence}" for sentence in sentences]


class Schedules:
    """The way to run schedules against one API."""

    def __init__(self, api: str, database: TestDatabase) -> None:
        self._api = api
        self._database = database

    def run(self, first: int, seeds: int, *, plant: str = "", patience: float = 60) -> Outcome:
        """So many schedules. `plant` is a mistake to make, `patience` the seconds that all has to be settled in."""
        outcome = Outcome()
        for result in self._results(FIRST=first, SEEDS=seeds, PLANT=plant, PATIENCE=int(patience * 1000)):
            assert "error" not in result, f"seed {result['seed']}: {result['error']}"
            self._compare(result)
            outcome.add(result)
        assert outcome.seeds == seeds
        return outcome

    def _results(self, **environment: object) -> Iterable[dict[str, Any]]:
        own = {name: str(value) for name, value in environment.items()}
        command = ["node", "--no-warnings", "run.mjs"]
        with subprocess.Popen(
            command,
            cwd=CLIENT,
            env={**os.environ, "API": self._api, "SECRET": SECRET, "RUN": uuid4().hex, **own},
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            yield from map(json.loads, running.stdout)
        assert running.returncode == 0, f"the clients ended with {running.returncode}"

    def _compare(self, result: dict[str, Any]) -> None:
        """The full list, on which the verdict stands, is what the table has."""
        listed = [
            (
                row["id"],
                row["title"],
                row["description"],
                row["status"],
                int(row["etag"].strip('"').split("-")[0]),
                row["due_at"] is None,
                row["completed_at"] is None,
            )
            for row in sorted(result["list"], key=lambda row: str(row["id"]))
        ]
        assert listed == self._database.query(_ROWS, result["owner"]), f"seed {result['seed']}"
