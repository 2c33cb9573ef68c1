"""Operations that nobody can reach: their router is not included, or another one's path comes first."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute


def slices_are_mounted(folder: Path) -> Iterator[str]:
    """main.py imports each slice's router under a name, and mentions that name again to include it."""
    source = (folder / "main.py").read_text(encoding="utf-8")
    for router in sorted((folder / "modules").glob("*/router.py")):
        name = router.parent.name
        imported = re.search(rf"^from modules\.{name} import .*\brouter(?: as (\w+))?", source, re.MULTILINE)
        if imported is None:
            yield f"main.py: `from modules.{name} import router as {name}` is missing: nobody can reach modules/{name}"
        elif len(re.findall(rf"(?<![\w.]){imported[1] or 'router'}\.\w", source)) == 0:
            yield f"main.py: {name}.router is not among the routers that are included: nobody can reach modules/{name}"


def operations_are_reached(routes: Sequence[BaseRoute]) -> Iterator[str]:
    """A request goes to the first operation whose path takes it: `/{note_id}` takes `/counts` as well."""
    for first, other in itertools.combinations([one for one in routes if isinstance(one, APIRoute)], 2):
        both = (first.methods or set()) & (other.methods or set())
        if both and first.path_regex.match(other.path):
            told = f"{min(both)} {other.path} is never reached: it stands behind "
            yield f"{told}{first.path}, which takes it. Write it above"
