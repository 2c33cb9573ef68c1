"""`make slice`: writes a slice, its tests, its migration and what documents say of it, or nothing at all."""

import argparse
import ast
import re
import subprocess
import sys
import time
from pathlib import Path

from alembic.util import CommandError

from core.config import PROJECT_ROOT
from scaffold import main_file, migration
from scaffold.fields import parse
from scaffold.names import existing, names_of
from scaffold.rejection import RejectedError
from scaffold.spec import Spec
from scaffold.undo import undone_if_it_fails
from scaffold.write_models import models
from scaffold.write_repository import repository
from scaffold.write_router import router
from scaffold.write_schemas import schemas
from scaffold.write_tests import tests

# PostgreSQL cuts longer ones off.
POSTGRES_NAME = 63


def spec_of(name: str, fields: str, singular: str, relation: str, root: Path) -> Spec:
    """What is to be written. Raises RejectedError."""
    names = names_of(name, singular, root)
    spec = Spec(names, tuple(parse(fields)), existing(relation, root) if relation else None)
    if spec.related is None:
        return spec
    of_relation, taken = f"{spec.related.singular}_id", [{field.name, *field.filters} for field in spec.fields]
    if any(of_relation in one for one in taken):
        raise RejectedError(f"A field cannot be called `{of_relation}`: lists have a filter of that name.")
    if len(f"fk_{spec.links}_user_id_{max(names.plural, relation, key=len)}") > POSTGRES_NAME:
        raise RejectedError(f"The table of links would be called `{spec.links}`: take shorter names.")
    return spec


def files_of(spec: Spec) -> dict[str, str]:
    """The files of a slice, not yet formatted. Raises RejectedError for a name that would hide another in one."""
    folder, tests_folder = f"modules/{spec.names.plural}", f"tests/modules/{spec.names.plural}"
    files = {
        f"{folder}/__init__.py": "",
        f"{folder}/models.py": models(spec),
        f"{folder}/schemas.py": schemas(spec),
        f"{folder}/repository.py": repository(spec),
        f"{folder}/router.py": router(spec),
        f"{tests_folder}/__init__.py": "",
        f"{tests_folder}/test_{spec.names.plural}.py": tests(spec),
    }
    for path, text in files.items():
        _reject_hidden_names(path, ast.parse(text))
    return files


def write(spec: Spec, root: Path) -> list[str]:
    """Writes all of it, and gives the paths of what is new. Raises RejectedError, with nothing done."""
    files = files_of(spec)
    main = main_file.with_slice((root / "main.py").read_text(encoding="utf-8"), spec.names.plural)
    with undone_if_it_fails(root):
        for path, text in files.items():
            (root / path).parent.mkdir(exist_ok=True)
            with (root / path).open("x", encoding="utf-8") as file:
                file.write(text)
        (root / "main.py").write_text(main, encoding="utf-8")
        format_files(root, *files)
        files |= {_migrate(spec, root): ""}
        run(root, "tests.contract.write_documents")
    return list(files)


def format_files(root: Path, *paths: str) -> None:
    """As `make format` does."""
    run(root, "ruff", "check", "--quiet", "--fix", "--select=I", *paths)
    run(root, "ruff", "format", "--quiet", *paths)


def run(root: Path, module: str, *arguments: str) -> None:
    """A program of the interpreter, in the project. Raises RejectedError with what it says."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RejectedError(f"{module} {' '.join(arguments)} failed, and all was undone:\n{done.stdout}{done.stderr}")


def makes_only(path: Path, tables: list[str]) -> bool:
    """Whether it makes these tables, and touches no other."""
    text = path.read_text(encoding="utf-8").partition("def downgrade")[0]
    made = re.findall(r'op\.create_table\(\s*"(\w+)"', text)
    return sorted(made) == sorted(tables) and not re.search(r"op\.(?!create_table|create_index|f\()", text)


def _migrate(spec: Spec, root: Path) -> str:
    """Makes the migration, and goes it up, down and up again. Its path."""
    path = migration.write(spec.names.nouns)
    if path is None or not makes_only(path, [spec.names.plural, *([spec.links] if spec.related else [])]):
        raise RejectedError("Other models have changed since the last migration: make one for them first.")
    return path.relative_to(root).as_posix()


def _reject_hidden_names(path: str, tree: ast.Module) -> None:
    """Names of classes, types and fields are made of those that were asked for; an import may have the same one."""
    imports = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    imported = set(imports)
    for name in imported:
        if imports.count(name) > 1:
            raise RejectedError(f"There would be two of `{name}` in {path}: take another name for what is called so.")
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = [node.id]
        for name in imported.intersection(names):
            raise RejectedError(f"`{name}` is something else in {path}: take another name for what is called so.")


def main() -> None:
    """The command. Exits with a sentence where it cannot be done."""
    parser = argparse.ArgumentParser(prog="make slice")
    for name in ("name", "fields", "singular", "relation"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args()
    began = time.monotonic()
    try:
        spec = spec_of(given.name, given.fields, given.singular, given.relation, PROJECT_ROOT)
        made = write(spec, PROJECT_ROOT)
    except (RejectedError, CommandError) as error:
        sys.exit(str(error))
    lines = sum((PROJECT_ROOT / path).read_text(encoding="utf-8").count("\n") for path in made)
    told = [
        *made,
        f"{lines} lines in {time.monotonic() - began:.0f} s; two lines in main.py, and what documents say of the code.",
        f"One of the {spec.names.nouns} is called {spec.names.a_noun}. Now: make quick, make run.",
    ]
    sys.stdout.write("\n".join(told) + "\n")


if __name__ == "__main__":
    main()
