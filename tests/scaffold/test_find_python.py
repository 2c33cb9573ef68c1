"""Of several Pythons the one that is built with profile-guided optimisation is used, else the first that does."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import project_root

SCRIPT = "scaffold/find_python.sh"
PROJECT = tomllib.loads((project_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OLDEST, TOO_NEW = map(int, re.findall(r"3\.(\d+)", PROJECT["requires-python"]))
# What an interpreter says of itself, as an exit status: optimised, not, too old or incomplete.
OPTIMISED, PLAIN, UNFIT = 0, 3, 1


def found(path: str) -> str:
    """What the script prints with this PATH."""
    done = subprocess.run(
        ["/bin/sh", SCRIPT],
        cwd=project_root(),
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ({"python3": OPTIMISED, "python3.13": OPTIMISED}, "python3"),
        ({"python3": PLAIN, "python3.13": PLAIN, "python3.12": OPTIMISED}, "python3.12"),
        ({"python3": UNFIT, "python3.11": OPTIMISED}, "python3.11"),
    ],
)
def test_an_optimised_one_is_preferred(tmp_path: Path, said: dict[str, int], chosen: str) -> None:
    for name, status in said.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / name).chmod(0o700)
    assert found(str(tmp_path)) == chosen


def test_it_can_make_the_environment() -> None:
    python = found(os.environ["PATH"])
    subprocess.run([python, "-c", f"import ensurepip, sys; assert {_fits()}"], check=True)


def test_every_place_names_the_same_pythons() -> None:
    makefile, script, readme = ((project_root() / path).read_text() for path in ("Makefile", SCRIPT, "README.md"))
    assert _fits() in makefile
    assert _fits() in script
    oldest, newest = OLDEST, TOO_NEW - 1
    assert " ".join(f"python3.{minor}" for minor in range(newest, oldest - 1, -1)) in script
    assert f"Python 3.{oldest} to 3.{newest} is needed" in makefile
    assert f"You need Python 3.{oldest} to 3.{newest}," in readme


def _fits() -> str:
    return f"(3, {OLDEST}) <= sys.version_info < (3, {TOO_NEW})"
