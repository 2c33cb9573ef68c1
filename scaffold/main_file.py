"""The two lines of main.py by which a slice is served: its import, and its router among the others."""

import ast
import re

from scaffold.rejection import RejectedError

_IMPORTS = re.compile(r"^from modules\.\w+ import .*\n", re.MULTILINE)
_ROUTER = re.compile(r"^( +)(\w+)\.router,\n", re.MULTILINE)


def with_slice(text: str, name: str) -> str:
    """`text` of main.py with the slice, in the order of the alphabet; `users` and `health` stay the last routers."""
    imports, routers = list(_IMPORTS.finditer(text)), list(_ROUTER.finditer(text))
    if not imports or len(routers) < 2 or f" {name}.router," in text:
        raise RejectedError(f"main.py has no place for {name}.router: it wants a list with one router in each line.")
    line = f"from modules.{name} import router as {name}\n"
    router = next((one for one in routers if one[2] in ("users", "health") or one[2] > name), routers[-1])
    text = _inserted(text, router.start(), f"{router[1]}{name}.router,\n")
    after = next((one for one in imports if one[0] > line), None)
    return _inserted(text, after.start() if after else imports[-1].end(), line)


def without_slice(text: str, name: str) -> str:
    """`text` of main.py without the slice. Raises RejectedError where it says more of it than these two lines."""
    _reject_more(text, name)
    for line in (rf"^from modules\.{name} import router as {name}\n", rf"^ +{name}\.router,\n"):
        text, times = re.subn(line, "", text, flags=re.MULTILINE)
        if times != 1:
            raise RejectedError(f"main.py does not have the one line that serves {name} ({line}): take it out by hand.")
    return text


def _reject_more(text: str, name: str) -> None:
    """Where else it is used: a service that is made of its classes, say. Without their import main.py would not run."""
    nodes = list(ast.walk(ast.parse(text)))
    imports = [one for one in nodes if isinstance(one, ast.Import | ast.ImportFrom) and _is_of(one, name)]
    bound = {alias.asname or alias.name.partition(".")[0] for one in imports for alias in one.names} - {"modules"}
    uses = [one for one in nodes if isinstance(one, ast.Name) and one.id in bound]
    lines = text.splitlines()
    serves = re.compile(rf"(from modules\.{name} import router as {name}| +{name}\.router,)$")
    more = sorted({str(one.lineno) for one in (*imports, *uses) if not serves.match(lines[one.lineno - 1])})
    if more:
        raise RejectedError(f"main.py uses modules.{name} in line {', '.join(more)} too: take that out first.")


def _is_of(node: ast.Import | ast.ImportFrom, name: str) -> bool:
    """Whether an import is of the slice, or of a part of it."""
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return any(f"{prefix}{alias.name}.".startswith(f"modules.{name}.") for alias in node.names)


def _inserted(text: str, place: int, line: str) -> str:
    return text[:place] + line + text[place:]
