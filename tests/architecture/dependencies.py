"""The rule on packages: the product imports what production installs, and nothing that development alone has."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

# Where a package may be missing, and the file does without it: the embedded PostgreSQL, and OpenTelemetry.
MAY_BE_MISSING = {"core/database/embedded.py", "core/database/observed.py"}
# A name, its extras, and for which extra of the package that requires it.
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[(?P<extras>[^]]*)\])?(?:.*\bextra == ['\"](?P<of>[\w-]+))?")


def imports_are_installed(folder: Path) -> Iterator[str]:
    """What main.py, core and modules import is Python's, the product's, or of `[project] dependencies`."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed, of = _closure(project["dependencies"]), packages_distributions()
    for path in [folder / "main.py", *sorted(folder.glob("core/**/*.py")), *sorted(folder.glob("modules/**/*.py"))]:
        place = path.relative_to(folder).as_posix()
        for line, package in _imported(path) if place not in MAY_BE_MISSING else ():
            if not installed & {_plain(one) for one in of.get(package, ())}:
                yield (
                    f"{place}:{line}: production does not install {package}: add it to `dependencies` of "
                    "pyproject.toml, then `make lock`"
                )


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    """The packages of others that a file imports, those in its functions too, by line."""
    own = sys.stdlib_module_names | {"core", "modules", "main"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "core"]
            yield from ((node.lineno, name) for one in names if (name := one.partition(".")[0]) not in own)


def _closure(requirements: Iterable[str]) -> set[str]:
    """The names of these packages, and of those that they require."""
    found: set[str] = set()
    waiting = [_REQUIREMENT.match(one) for one in requirements]
    while waiting:
        one = waiting.pop()
        assert one is not None
        extras = {None, *re.findall(r"[\w-]+", one["extras"] or "")}
        if _plain(one["name"]) in found:
            continue
        found.add(_plain(one["name"]))
        required = map(_REQUIREMENT.match, _requires(one["name"]))
        waiting += [more for more in required if more is not None and more["of"] in extras]
    return found


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # of another system or Python
        return []


def _plain(name: str) -> str:
    """A name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
