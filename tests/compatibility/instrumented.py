"""The API as `opentelemetry-instrument` runs it, in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import project_root


def install(folder: Path) -> Path:
    """Where the programs are of an environment that has what this project needs, and OpenTelemetry's packages."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    listed = ("requirements.txt", "tests/compatibility/opentelemetry.txt")
    files = [part for name in listed for part in ("-r", str(project_root() / name))]
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*pip, "--require-hashes", *files], capture_output=True, text=True, check=False)
    if done.returncode:
        # In CI a registry that cannot be reached is a failure; at a desk without a network it is none.
        reason = done.stderr.strip().splitlines()[-1]
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"OpenTelemetry's packages cannot be had here: {reason}")
    return folder / "bin"


def program(installed: Path) -> list[str]:
    """What is run in place of `python main.py`."""
    return [str(installed / "opentelemetry-instrument"), str(installed / "python"), "main.py"]
