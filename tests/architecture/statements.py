"""All statements of the product, found in its modules, with a value for each of their parameters."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import core
import modules
from core.database.queries import Query

ID, TIME = UUID(int=1), datetime(2030, 1, 1, tzinfo=UTC)
SORTS = ("created_at", "updated_at", "due_at", "title")
FILTERS = ("status", "one_status", "q", "due_before", "due_after", "updated_since")

# What every parameter of this name is called with.
VALUES: dict[str, Any] = {
    **dict.fromkeys(
        ("key", "email_key", "password_hash", "user_id", "email", "name", "name_claim", "title", "description"), "text"
    ),
    **dict.fromkeys(("task_id", "session_id", "kept", "after_id"), ID),
    **dict.fromkeys(("fingerprint", "body", "token_hash", "old_hash", "new_hash"), b"bytes"),
    **dict.fromkeys(("life", "spacing", "allowance"), timedelta(hours=1)),
    **dict.fromkeys(("due_at", "due_before", "due_after", "updated_since"), TIME),
    **dict.fromkeys(("location", "etag", "pattern"), "text"),
    "status": "pending",
    "versions": [1],
    "limit": 51,
    **dict.fromkeys(("issued_at", "known_at"), 1_800_000_000.0),
    "version": 1,
    "after": TIME.isoformat(),
}
# Where a name alone does not say it.
SPECIAL: dict[str, dict[str, Any]] = {"core.http.idempotency._claim": {"kept": timedelta(hours=24)}}
# The shapes of those that have several, by their keyword-only parameters.
SHAPES: dict[str, list[dict[str, Any]]] = {
    "modules.tasks.repository._change": [{"fields": frozenset({"title", "description", "status", "due_at"})}],
    "modules.tasks.repository._count": [{"filters": frozenset({one})} for one in FILTERS] + [{"filters": frozenset()}],
    "modules.users.repository._take_over": [{"shows": True}, {"shows": False}],
    "modules.tasks.repository._page": [
        {"sort": direction + sort, "filters": frozenset(filters)}
        for direction in ("", "-")
        for sort in SORTS
        for filters in ((), ("after",), *((one,) for one in FILTERS))
    ],
}


def found() -> dict[str, Callable[..., Query[Any]]]:
    """Every function under @statement, by its full name."""
    return {
        f"{module.__name__}.{name}": value
        for module in _modules()
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__qualname__ == "statement.<locals>.query"
    }


def queries() -> Iterator[tuple[str, Query[Any]]]:
    """Each in each of its shapes, with values. Raises KeyError for a parameter that has no value above."""
    for name, statement in found().items():
        parameters = [one.removeprefix("p_") for one in inspect.getclosurevars(statement).nonlocals["bound"]]
        for shape in SHAPES.get(name, [{}]):
            known = VALUES | SPECIAL.get(name, {})
            if "status" in shape.get("filters", ()):
                known = known | {"status": ["pending", "completed"]}
            if shape.get("sort", "").endswith("title"):
                known = known | {"after": "text"}
            values = [known[parameter] for parameter in parameters]
            label = f"{name} {sorted(map(str, shape.values()))}" if shape else name
            yield label, statement(*values, **shape).for_owner("somebody")


def _modules() -> Iterator[Any]:
    for package in (core, modules):
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(one.name)
