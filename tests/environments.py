"""Environments with packages that are not the project's own, each made once in .venv."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import project_root


def installed(name: str, *files: Path) -> Path:
    """Where the programs are of an environment with what these files of requirements list."""
    folder = project_root() / ".venv" / name
    stamp = folder / "installed"
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    with files[-1].open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes of the tests, one makes it
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, files)
            stamp.write_text(wanted)
    return folder / "bin"


def _install(folder: Path, files: tuple[Path, ...]) -> None:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    how = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes")
    listed = [part for file in files for part in ("-r", file)]
    done = subprocess.run([folder / "bin" / "python", *how, *listed], capture_output=True, text=True, check=False)
    if done.returncode:
        # In CI a registry that cannot be reached is a failure; at a desk without a network it is none.
        reason = done.stderr.strip().splitlines()[-1]
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"The packages of {folder.name} cannot be had: {reason}")
