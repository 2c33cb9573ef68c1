"""The slice of CONTRIBUTING.md, written, migrated and served as it says there, keeps all rules and all guarantees."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.architecture import loaded_rules, source_rules
from tests.architecture.folders import copy_product, replace
from tests.conftest import UserClient, assert_problem, project_root
from tests.contract.described import undescribed
from tests.contract.document_rules import breaches
from tests.contract.operations import operations
from tests.end_to_end.project import Project
from tests.ports import free_port
from tests.unmeasured import unmeasured

TEXT = (project_root() / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECRET = "2f7c1e9b5a8d4036b1c7e2f9a4d80563"
_PYTHON = re.compile(r"`(modules/memos/\w+\.py)`[^`]*?:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A program that uses the repository with SQL of its own.
_OWN_SQL = """
import asyncio, sys
from core.database import statements
from core.database.database import Database
from core.tokens.verifier import Principal
from modules.memos.repository import MemoRepository
from modules.memos.schemas import MemoCreate
from modules.users.accounts import UserAccounts

async def work():
    statements.check()
    database = Database(sys.argv[1], pool_size=1, timeout=5)
    ada, bob = (MemoRepository(database, Principal(name), UserAccounts(database)) for name in ("ada", "bob"))
    made = [await ada.create(MemoCreate(title=title, tag="x")) for title in ("a", "b", "c")]
    await ada.replaced(made[0].id, MemoCreate(title="d", tag="y"))
    assert await ada.tags(2) == [("x", 2)]
    assert sorted(memo.title for memo in await ada.titled(["a", "c", "d"])) == ["c", "d"]
    assert await ada.get(made[0].id) is None
    await bob.create(MemoCreate(title="e"))
    assert (await bob.titled(["a", "c", "d"]), await bob.tags(1)) == ([], [])
    database.close()

asyncio.run(work())
"""


def test_there_are_four_files_and_one_with_sql_of_its_own() -> None:
    names = [path.removeprefix("modules/memos/") for path, _ in _PYTHON.findall(TEXT)]
    assert names == ["models.py", "schemas.py", "repository.py", "router.py", "repository.py"]
    assert TEXT.count("```python") == len(names)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product with the slice in it, for both tests of the rules: the second need not find all types anew."""
    folder = copy_product(tmp_path_factory.mktemp("by-hand"))
    write(folder)
    if (known := project_root() / ".mypy_cache").exists():  # of the libraries: a tenth of the time
        shutil.copytree(known, folder / ".mypy_cache")
    return folder


def test_the_slice_keeps_all_rules(copy: Path) -> None:
    _keeps_all_rules(copy)


def test_with_sql_of_its_own_it_keeps_them_too(copy: Path) -> None:
    write_own_sql(copy)
    _keeps_all_rules(copy)


def _keeps_all_rules(folder: Path) -> None:
    assert [one for rule in source_rules.RULES for one in rule(folder) if "memos" in one] == []
    assert loaded_rules.breaches(folder) == []
    assert _run(folder, "ruff", "format", "--check", "--quiet", "modules", "main.py") == ""
    assert _run(folder, "ruff", "check", "--quiet", "modules", "main.py") == ""
    assert "0 broken" in _run(folder, "importlinter")
    assert "no issues" in _run(folder, "mypy", "modules/memos", "main.py")


def test_the_slice_is_served(project: Project) -> None:
    write(project.folder)
    (project.folder / ".env").write_text(f"BETTER_AUTH_SECRET={SECRET}\n")
    done = project.run(sys.executable, "-m", "scaffold.migration", "memos")
    assert done.returncode == 0, done.stderr
    project.migrate()
    port = free_port()
    project.serve(port)
    with _user(port) as ada, _user(port) as bob:
        _its_part_of_the_document_keeps_all_rules(ada)
        path = _a_memo_is_made_and_changed(ada)
        _pages_are_filtered_and_sorted(ada)
        _nobody_else_reaches_it(ada, bob, path)
        assert ada.delete(path).status_code == 204
        assert_problem(ada.get(path), 404, "not_found")
    write_own_sql(project.folder)
    done = project.run(sys.executable, "-c", _OWN_SQL, _database_url(project))
    assert done.returncode == 0, done.stderr


def _its_part_of_the_document_keeps_all_rules(ada: UserClient) -> None:
    published = ada.get("/openapi.json").json()
    assert "listMemos" in {operation.id for operation in operations(published)}
    assert [*breaches(published), *undescribed(published)] == []


def _a_memo_is_made_and_changed(ada: UserClient) -> str:
    made = ada.post(_memos(ada), json={"title": "a", "tag": "x"}, headers={"Idempotency-Key": "a"})
    assert made.status_code == 201, made.text
    retried = ada.post(_memos(ada), json={"title": "a", "tag": "x"}, headers={"Idempotency-Key": "a"})
    assert retried.json() == made.json()
    path = made.headers["location"]
    assert made.json().items() >= {"title": "a", "body": "", "tag": "x"}.items()
    read = {"If-Match": made.headers["etag"]}
    assert (ada.get(path).json(), ada.get(path).headers["etag"]) == (made.json(), read["If-Match"])
    changed = ada.patch(path, json={"body": "b"}, headers=read)
    assert changed.json().items() >= {"title": "a", "body": "b", "tag": "x"}.items()
    assert_problem(ada.patch(path, json={"tag": None}, headers=read), 412, "precondition_failed")
    assert_problem(ada.patch(path, json={"title": None}), 400, "validation_failed")
    assert ada.patch(path, json={"tag": None}).json()["tag"] is None
    return path


def _pages_are_filtered_and_sorted(ada: UserClient) -> None:
    for title, tag in (("c", "x"), ("b", "y"), ("d", None)):
        assert ada.post(_memos(ada), json={"title": title, "tag": tag}).status_code == 201
    page = ada.get(_memos(ada), params={"sort": "title", "limit": "2", "include_total": "true"}).json()
    assert ([memo["title"] for memo in page["items"]], page["total"]) == (["a", "b"], 4)
    rest = ada.get(_memos(ada), params={"sort": "title", "cursor": page["next_cursor"]}).json()
    assert ([memo["title"] for memo in rest["items"]], rest["next_cursor"]) == (["c", "d"], None)
    tagged = ada.get(_memos(ada), params={"tag": ["x", "y"], "sort": "-title"}).json()
    assert [memo["title"] for memo in tagged["items"]] == ["c", "b"]
    assert_problem(ada.get(_memos(ada), params={"colour": "red"}), 400, "validation_failed")


def _nobody_else_reaches_it(ada: UserClient, bob: UserClient, path: str) -> None:
    assert_problem(httpx.get(ada.base_url.join(path)), 401, "missing_token")
    assert_problem(bob.get(path), 403, "forbidden")
    for method in ("GET", "PATCH", "DELETE"):
        call = bob.request(method, path.replace(ada.user_id, "me"), json={} if method == "PATCH" else None)
        assert_problem(call, 404, "not_found")
    assert bob.get(_memos(bob)).json()["items"] == []


def write(folder: Path) -> None:
    """Writes the slice into a copy of the product, and what the file that knows all slices says of it."""
    memos = folder / "modules" / "memos"
    memos.mkdir()
    (memos / "__init__.py").touch()
    for path, text in _PYTHON.findall(TEXT)[:4]:
        (folder / path).write_text(text, encoding="utf-8")
    (diff,) = re.findall(r"^```diff\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for old, new in re.findall(r"^-(.*)\n((?:\+.*\n)+)", diff, re.MULTILINE):
        replace(folder, "main.py", f"{old}\n", re.sub(r"^\+", "", new, flags=re.MULTILINE))
    # As `make format` does: other slices may be imported where this one belongs.
    assert _run(folder, "ruff", "check", "--quiet", "--fix", "--select=I", "main.py") == ""


def write_own_sql(folder: Path) -> None:
    """Writes the repository with SQL of its own over the other."""
    path, text = _PYTHON.findall(TEXT)[-1]
    (folder / path).write_text(text, encoding="utf-8")


def _memos(user: UserClient) -> str:
    return f"/api/v1/users/{user.user_id}/memos"


def _user(port: int) -> UserClient:
    return UserClient(f"http://127.0.0.1:{port}", secret=SECRET)


def _database_url(project: Project) -> str:
    """Where the database of the copy is."""
    done = project.run(sys.executable, "-c", "from core.database import embedded; print(embedded.start().get_uri())")
    return done.stdout.strip()


def _run(folder: Path, program: str, *arguments: str) -> str:
    """What a program of the interpreter prints, with what it complains of."""
    starts = {"importlinter": [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]}
    command = [*starts.get(program, [sys.executable, "-m", program]), *arguments]
    done = subprocess.run(command, cwd=folder, env=unmeasured(), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
