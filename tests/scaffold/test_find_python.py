"""Of several Pythons the one that is built with profile-guided optimisation is used, else the first that does."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import project_root

# What an interpreter says of itself, as an exit status: optimised, not, too old or incomplete.
OPTIMISED, PLAIN, UNFIT = 0, 3, 1


def found(path: str) -> str:
    """What the script prints with this PATH."""
    done = subprocess.run(
        ["/bin/sh", "scaffold/find_python.sh"],
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
    subprocess.run([python, "-c", "import ensurepip, sys; assert (3, 11) <= sys.version_info < (3, 14)"], check=True)
