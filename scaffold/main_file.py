"""The two lines of main.py by which a slice is served: its import, and its router among the others."""

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
    for line in (rf"^from modules\.{name} import router as {name}\n", rf"^ +{name}\.router,\n"):
        text, times = re.subn(line, "", text, flags=re.MULTILINE)
        if times != 1:
            raise RejectedError(f"main.py does not have the one line that serves {name} ({line}): take it out by hand.")
    if re.search(rf"\bmodules\.{name}\b", text):
        raise RejectedError(f"main.py says more of modules.{name} than the two lines that serve it: take it out first.")
    return text


def _inserted(text: str, place: int, line: str) -> str:
    return text[:place] + line + text[place:]
