"""Slices whose router nobody includes: their operations would be missing, and nothing else would say so."""

import re
from collections.abc import Iterator
from pathlib import Path


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
