"""What the statements of a task cost PostgreSQL: `python statements.py URL` prints a table.

In a process of its own, as the product's tables and those of the contestants have one name.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
from postgres import USERS
from server import ROOT

sys.path.append(str(ROOT))
import main  # noqa: F401 (with it come all slices)
from core.database import psycopg2_setup
from core.database.prepared_statements import PLAN_ONCE, prepared
from core.database.queries import SCHEMA, Compiled
from core.database.statements import CATALOGUE

ROUNDS, EXECUTIONS = 5, 400
NEW = {"p_title": "Water the plants", "p_description": "All of them", "p_status": "pending", "p_due_at": None}
COLUMNS = tuple(name.removeprefix("p_") for name in NEW)
# The first column of the table: the name of a statement, its variant, and values beside owner and id.
STATEMENTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "find one": ("find", {}, {}),
    "page of 20": ("page", {"sort": "-created_at", "filters": (), "after": False}, {"p_limit": 21}),
    "create": ("create", {"columns": COLUMNS}, NEW),
    "change": ("change", {"columns": ("status",), "matched": False}, {"p_status": "completed"}),
}
# What takes the number of the change, or reads it for the tag of a list.
_COUNTED = re.compile(
    r"WITH counted AS \n\(.*? AS at\)\n |\s*FROM counted\b|, \(SELECT todo\.users\.change.*?\) AS \w+", re.DOTALL
)


def table(url: str) -> str:
    """Microseconds of one backend's CPU for an execution with its time limit: of each way the best of some rounds."""
    lines = [
        "| statement | plain text | prepared, planned for each value | prepared, planned once | without the number |",
        "|---|---|---|---|---|",
    ]
    psycopg2_setup.prepare()
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        for title, (name, variant, values) in STATEMENTS.items():
            compiled = CATALOGUE[f"modules.tasks.repository.Task.{name}"].compiled(**variant)
            costs = [_cost(connection, way, compiled, values, new=name == "create") for way in _ways(compiled)]
            lines.append(f"| {title} | {' | '.join(f'{cost:.0f}' if cost else '-' for cost in costs)} |")
    return "\n".join(lines)


def _ways(compiled: Compiled[Any]) -> Iterator[tuple[str, str | None] | None]:
    """The text, and the plan of what is prepared, None where nothing is."""
    text = compiled.texts[SCHEMA]
    yield text, None
    yield text, "SET plan_cache_mode = force_custom_plan; "
    yield text, PLAN_ONCE
    without = _COUNTED.sub("", text).replace("counted.number", "1").replace("counted.at", "statement_timestamp()")
    yield None if without == text else (without, PLAN_ONCE)


def _cost(
    connection: Any, way: tuple[str, str | None] | None, compiled: Compiled[Any], values: dict[str, Any], *, new: bool
) -> float | None:
    if way is None:
        return None
    text, plan = way
    cursor = connection.cursor()
    for_one = _values(compiled, values, new=new)
    if plan is not None:
        found = prepared(text, compiled.constants, for_one(0))
        assert found is not None
        cursor.execute(f"DEALLOCATE ALL; {plan}{found.prepare}", for_one(0))
        text = found.execute
    spent = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    best = float("inf")
    for _ in range(ROUNDS):
        began = int(spent.read_text().split()[0])
        for number in range(EXECUTIONS):
            cursor.execute(f"SET LOCAL statement_timeout = 4700; {text}", for_one(number))
        best = min(best, (int(spent.read_text().split()[0]) - began) / EXECUTIONS / 1000)
    return best


def _values(compiled: Compiled[Any], values: dict[str, Any], *, new: bool) -> Callable[[int], dict[str, Any]]:
    """Those of one execution: each is for another user, one of their tasks or a new one."""

    def for_one(number: int) -> dict[str, Any]:
        user = number * 7 % USERS + 1
        ids = {} if "p_id" not in compiled.names else {"p_id": uuid4() if new else _task(user, number % 100 + 1)}
        return {**compiled.constants, **values, **ids, "owner": f"user-{user}"}

    return for_one


def _task(user: int, number: int) -> str:
    """The id that postgres.py has given it."""
    return f"00000000-0000-4000-8000-{user:04x}{number:08x}"


if __name__ == "__main__":
    print(table(sys.argv[1]))
