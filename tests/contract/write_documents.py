"""Writes anew what documents say of the code: `make docs`, after a change that is meant.

docs/openapi.json as a whole; in the others what stands between two marks.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.config import PROJECT_ROOT
from core.database import embedded, grants, migrations
from core.database.queries import SCHEMA
from core.metrics.families import FAMILIES
from core.operations import sweep
from core.problem_advice import ADVICE, FIELD_ADVICE
from tests.contract import personal_data
from tests.contract.code_map import code_map
from tests.contract.operations import document, operations
from tests.contract.picture import picture
from tests.contract.request_trace import entered
from tests.contract.settings_table import settings_table

OPENAPI, README = "docs/openapi.json", "README.md"
# Which parts each document has.
PARTS = {
    README: ("picture",),
    "docs/architecture.md": ("picture", "code map"),
    "docs/settings.md": ("settings",),
    "docs/api.md": ("operations",),
    "docs/operations.md": ("grants", "sweep", "export", "figures"),
    "docs/problems.md": ("field codes", "problems"),
}


def fresh(database_url: str) -> dict[str, str]:
    """All documents as they should be, by their paths. The way of a request is traced on the database."""
    way = entered(database_url)
    published = document()
    parts = {
        "picture": picture(PROJECT_ROOT, way),
        "code map": code_map(PROJECT_ROOT, way),
        "settings": settings_table(PROJECT_ROOT / ".env.example"),
        "operations": operations_table(published),
        "grants": _as_sql(grants.needed(SCHEMA, "todo_api")),
        "problems": problems_table(),
        "field codes": field_codes_table(),
        "figures": figures_table(),
        "sweep": _as_sql(f"{one};" for one in sweep.statements().values()),
        "export": _as_sql([personal_data.export()]),
    }
    texts = {path: (PROJECT_ROOT / path).read_text(encoding="utf-8") for path in PARTS}
    documents = {path: filled(texts[path], {name: parts[name] for name in PARTS[path]}, path) for path in PARTS}
    # Sorted, so that a change is seen where it is.
    return {**documents, OPENAPI: json.dumps(published, sort_keys=True, indent=2) + "\n"}


def filled(text: str, parts: Mapping[str, str], path: str) -> str:
    """`text` with each part between its marks. README.md is another product's own, which may have neither mark."""
    for name, part in parts.items():
        begin, end = f"<!-- {name}: written by make docs -->", f"<!-- {name}: end -->"
        if path == README and begin not in text and end not in text:
            continue
        assert (text.count(begin), text.count(end)) == (1, 1), f"{path} has no one place for {name}: {begin} … {end}"
        place = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
        text = place.sub(lambda _, new=f"{begin}\n{part}\n{end}": new, text)  # type: ignore[misc]
    return text


def _as_sql(statements: Iterable[str]) -> str:
    """Each statement by itself, for whoever copies it."""
    return "\n\n".join(f"```sql\n{one}\n```" for one in statements)


def problems_table() -> str:
    """A row for each problem."""
    lines = ["| code | status | title | meaning | what a client does |", "|---|---|---|---|---|"]
    for one, (meaning, action) in ADVICE.items():
        lines.append(f"| `{one.code}` | {one.status} | {one.title} | {meaning} | {action} |")
    return "\n".join(lines)


def field_codes_table() -> str:
    """A row for each code of `errors`."""
    rows = [f"| `{code}` | {params or '-'} | {meaning} |" for code, (params, meaning) in FIELD_ADVICE.items()]
    return "\n".join(["| code in `errors` | `params` | meaning |", "|---|---|---|", *rows])


def operations_table(published: Mapping[str, Any]) -> str:
    """A row for each path and method."""
    lines = ["| method and path | does |", "|---|---|"]
    for one in operations(published):
        does = " ".join(str(one.spec.get("description", one.spec["summary"])).split())
        lines.append(f"| `{one.method.upper()} {one.path}` | {does} |")
    return "\n".join(lines)


def figures_table() -> str:
    """A row for each family of figures."""
    lines = ["| figure | kind | labels | says |", "|---|---|---|---|"]
    for name, family in FAMILIES.items():
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{name}` | {family.kind} | {labels} | {family.help} |")
    return "\n".join(lines)


def _write() -> None:
    with tempfile.TemporaryDirectory(prefix="todo-api-docs-", ignore_cleanup_errors=True) as folder:
        postgres = embedded.start(Path(folder) / "data", keep=False)
        migrations.upgrade(postgres.get_uri())
        documents = fresh(postgres.get_uri())
        postgres.cleanup()
    for path, text in documents.items():
        (PROJECT_ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write()
