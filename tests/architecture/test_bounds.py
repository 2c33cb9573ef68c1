"""Packages whose private parts are leaned on have an upper bound, and a row that says where, and what must pass."""

import re
import tomllib

import pytest

from tests.conftest import project_root

ROOT = project_root()
BOUNDED = ("uvicorn", "fastapi", "starlette", "sqlalchemy", "psycopg2-binary")
ROWS = re.findall(
    r"^\| ([\w-]+) \| (.+) \| (.+) \| (.+) \|$", (ROOT / "DECISIONS.md").read_text(encoding="utf-8"), re.M
)


@pytest.mark.parametrize("package", BOUNDED)
def test_a_package_that_is_leaned_on_has_an_upper_bound(package: str) -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (declared,) = (one for one in dependencies if re.match(rf"{package}\b(?!-)", one))
    assert re.search(r",<\d", declared), declared


@pytest.mark.parametrize("package", BOUNDED)
def test_what_leans_on_it_is_named_with_its_tests(package: str) -> None:
    (row,) = (row for row in ROWS if row[0] == package)
    for path in re.findall(r"`([\w/.]+/[\w/.]*)`", row[2] + row[3]):
        assert (ROOT / path).exists(), path
    module = package.removesuffix("-binary")
    files = re.findall(r"`(core/[\w/]+\.py)`", row[2])
    assert files
    for path in files:
        assert re.search(rf"^(from|import) {module}\b", (ROOT / path).read_text(encoding="utf-8"), re.M), path
