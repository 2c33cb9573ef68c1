"""The fields that a log line may have, and the calls of loggers with others: a title or an address must not slip in."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import TypeIs

# Names of OpenTelemetry where it has one. What a user wrote, or a secret, is none: see "Rules" in CONTRIBUTING.md.
FIELDS = {
    *("request_id", "http.request.method", "http.route", "http.response.status_code", "url.path", "url.scheme"),
    *("url.full", "duration_ms", "client.address", "user_agent.original", "user.id", "server.address", "server.port"),
    *("error.code", "error.type", "error.reason", "exception.message", "exc_info"),
    *("db.response.status_code", "db.namespace"),
    *("db.query.summary", "db.duration_ms", "todo_api.backend_pid", "todo_api.origin", "todo_api.setting"),
    *("todo_api.workers", "todo_api.drain_seconds", "todo_api.oldest_release"),
    *("todo_api.revision.code", "todo_api.revision.database"),
    *("process.pid", "process.exit.code", "keys.count", "setting", "reason"),
}
_METHODS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "msg", "log", "bind"}
CURE = "is no field of the log: take one of FIELDS in tests/architecture/log_fields.py, never what a user wrote"


def is_log_call(node: ast.AST) -> TypeIs[ast.Call]:
    """Whether it calls a method of something that is called a log or a logger, or that is made on the spot."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _METHODS:
        return False
    owner = node.func.value
    if isinstance(owner, ast.Call):
        return ast.unparse(owner.func).endswith("get_logger")
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return re.fullmatch(r"_*(\w+_)?log(ger)?", name.lower()) is not None


def log_fields_are_known(folder: Path) -> Iterator[str]:
    """Each field of each call of a logger is one of FIELDS, also where it comes in a dict or from a function."""
    files = [folder / "main.py", *(path for part in ("core", "modules") for path in (folder / part).rglob("*.py"))]
    trees = {path.relative_to(folder): ast.parse(path.read_text(encoding="utf-8")) for path in files}
    for path, tree in trees.items():
        makers = _makers(tree, trees)
        for function in (one for one in ast.walk(tree) if isinstance(one, _SCOPES)):
            for call in (one for one in _own(function) if is_log_call(one)):
                for name, line in _fields(call, function, makers):
                    if name not in FIELDS:
                        yield f"{path}:{line}: `{name}` {CURE}"


def _makers(tree: ast.Module, trees: dict[Path, ast.Module]) -> dict[str, ast.FunctionDef]:
    """The functions of a file, and those that it imports by name, by the names that they have in it."""
    found = {one.name: one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    for one in (one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)):
        theirs = trees.get(Path(f"{str(one.module).replace('.', '/')}.py"), ast.Module([], []))
        functions = {each.name: each for each in theirs.body if isinstance(each, ast.FunctionDef)}
        found |= {each.asname or each.name: functions[each.name] for each in one.names if each.name in functions}
    return found


_SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Its nodes, without those of functions within it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, _SCOPES):
            yield child
            yield from _own(child)


def _fields(call: ast.Call, scope: ast.AST, makers: dict[str, ast.FunctionDef]) -> Iterator[tuple[str, int]]:
    """The names that it passes, each with its line."""
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.lineno
            continue
        for node in ast.walk(keyword.value):
            if isinstance(node, ast.Dict):
                yield from _keys(node)
            elif isinstance(node, ast.Name) and node.id in makers:
                yield from _named(makers[node.id], None)
            elif isinstance(node, ast.Name):
                yield from _named(scope, node.id)


def _named(scope: ast.AST, name: str | None) -> Iterator[tuple[str, int]]:
    """The keys of the dicts that are called so in a function, or of all of its dicts."""
    for node in _own(scope):
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            held = target.value if isinstance(target, ast.Subscript) else target
            if not isinstance(held, ast.Name) or name not in (None, held.id):
                continue
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                yield str(target.slice.value), target.lineno
            elif isinstance(node.value, ast.Dict):
                yield from _keys(node.value)


def _keys(node: ast.Dict) -> Iterator[tuple[str, int]]:
    for key in node.keys:
        if isinstance(key, ast.Constant):
            yield str(key.value), key.lineno
