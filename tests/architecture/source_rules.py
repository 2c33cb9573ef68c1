"""Rules that the source is read for. Each takes a folder with the project in it and gives the breaches it finds."""

import ast
import builtins
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.dependencies import imports_are_installed
from tests.architecture.log_fields import is_log_call, log_fields_are_known
from tests.architecture.mounts import slices_are_mounted

FUNCTION_LINES = 25
FILE_LINES = 200
SLICE = {"router", "schemas", "models", "repository"}
# Names of no job: whatever has no better place ends up there.
NAMELESS = {"utils", "util", "helpers", "helper", "common", "constants", "base", "misc", "lib", "service", "services"}
A_500 = "would be a 500: raise ProblemError with a code of core/problems.py, or let a schema reject the input"
# Who may import which files of whom.
FACES = {("auth", "users"): ("accounts", "schemas")}


def slices_have_the_agreed_files(folder: Path) -> Iterator[str]:
    """router, schemas, models and repository, and beside them what the slice's import contract names, and data."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    agreed = {
        container: set(re.findall(r"\w+", " ".join(contract["layers"])))
        for contract in contracts
        for container in contract.get("containers", [])
    }
    for slice_folder in sorted((folder / "modules").glob("[!_.]*/")):
        name = f"modules/{slice_folder.name}"
        files = {path.stem for path in slice_folder.glob("[!_.]*") if path.is_dir() or path.suffix == ".py"}
        if not (slice_folder / "__init__.py").exists():
            yield f"{name}: no __init__.py, which may be empty"
        for missing in sorted(SLICE - files):
            yield f"{name}: no {missing}.py"
        for more in sorted(files - SLICE - agreed["modules.*"] - agreed.get(f"modules.{slice_folder.name}", set())):
            yield f"{name}/{more}: not a file of the slice"


def files_say_their_job_first(folder: Path) -> Iterator[str]:
    """The first line of every file that is not empty is a docstring: one sentence."""
    for path in _files(folder, "core", "modules", "main.py", "alembic", "tests", "scaffold"):
        text = path.read_text(encoding="utf-8")
        if text and not re.match(r'r?"""\S', text):
            yield f"{path.relative_to(folder)}: the first line does not say the file's job"


def files_have_a_job(folder: Path) -> Iterator[str]:
    """No file or folder has a name that could hold anything."""
    for path in _files(folder, "core", "modules"):
        for part in path.relative_to(folder).with_suffix("").parts:
            if part in NAMELESS:
                yield f"{path.relative_to(folder)}: `{part}` is the name of no job"


def files_are_short(folder: Path) -> Iterator[str]:
    """Up to 200 lines."""
    for path in _files(folder, "core", "modules", "scaffold"):
        if len(path.read_text(encoding="utf-8").splitlines()) > FILE_LINES:
            yield f"{path.relative_to(folder)}: more than {FILE_LINES} lines"


def functions_are_short(folder: Path) -> Iterator[str]:
    """Up to 25 lines from the first statement after the docstring to the last."""
    for path in _files(folder, "core", "modules", "scaffold"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > FUNCTION_LINES:
                yield f"{path.relative_to(folder)}: {node.name} has more than {FUNCTION_LINES} lines"


def log_messages_are_constants(folder: Path) -> Iterator[str]:
    """The first argument of every call of a logger is a literal; data are fields."""
    for path in _files(folder, "core", "modules", "main.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_log_call(node) and not _has_message(node):
                yield f"{path.relative_to(folder)}:{node.lineno}: a log message that is not a constant"


def slices_meet_at_a_face(folder: Path) -> Iterator[str]:
    """A slice imports nothing of another's but what is offered to it."""
    for path in _files(folder, "modules"):
        own = path.relative_to(folder).parts[1]
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            package, other, file, *_ = [*name.split("."), "", ""]
            if package == "modules" and other != own and file not in FACES.get((own, other), ()):
                yield f"{path.relative_to(folder)}: imports {name}"


def slices_stand_on_the_faces(folder: Path) -> Iterator[str]:
    """What a room of core offers to slices, they take from there: how the room is divided is its own affair."""
    for path in _files(folder, "modules"):
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            found = re.fullmatch(r"core\.(\w+)\.\w+\.(\w+)", name)
            face = folder / "core" / found[1] / "__init__.py" if found else None
            if found and face and f'"{found[2]}"' in face.read_text(encoding="utf-8"):
                yield f"{path.relative_to(folder)}: {found[2]} is offered by core.{found[1]}"


def failures_are_problems(folder: Path) -> Iterator[str]:
    """A router or repository raises what has a code of the catalogue: any other exception is a 500."""
    for path in [*folder.glob("modules/*/router.py"), *folder.glob("modules/*/repository.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            name = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
            if hasattr(builtins, name):
                yield f"{path.relative_to(folder)}:{node.lineno}: {name} {A_500}"


def sql_stays_in_repositories(folder: Path) -> Iterator[str]:
    """In a slice only tables and repositories import SQLAlchemy or SQLModel."""
    for path in _files(folder, "modules"):
        if path.stem in ("models", "repository"):
            continue
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            if name.partition(".")[0] in ("sqlalchemy", "sqlmodel", "psycopg2"):
                yield f"{path.relative_to(folder)}: imports {name}"


RULES = (
    slices_have_the_agreed_files,
    files_say_their_job_first,
    files_have_a_job,
    files_are_short,
    functions_are_short,
    log_messages_are_constants,
    log_fields_are_known,
    slices_meet_at_a_face,
    slices_stand_on_the_faces,
    slices_are_mounted,
    failures_are_problems,
    sql_stays_in_repositories,
    imports_are_installed,
)


def _files(folder: Path, *parts: str) -> list[Path]:
    """The named Python files, and those below the named folders."""
    found = [path for part in parts for path in (folder / part).rglob("*.py")]
    return sorted(found + [folder / part for part in parts if part.endswith(".py")])


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _has_message(call: ast.Call) -> bool:
    """Whether a call of a logger has a literal text, or is the one that takes none."""
    first = call.args[0] if call.args else None
    return ast.unparse(call.func).endswith(".bind") or (
        isinstance(first, ast.Constant) and isinstance(first.value, str)
    )


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
