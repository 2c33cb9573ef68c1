"""Nothing happens at import: no settings are read, no connection and no process is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.folders import copy_product, plant

# A program of its own, in an empty environment, that refuses what has no place at import and then imports everything.
IMPORT_ALL = """
import importlib, pathlib, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.posix_spawn"):
        raise RuntimeError("at import: " + event)

sys.path.insert(0, ".")
sys.addaudithook(refuse)
here = pathlib.Path()
for path in sorted([here / "main.py", *here.glob("core/*.py"), *here.glob("modules/**/*.py")]):
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
"""


def test_every_module_is_imported_without_settings_and_without_a_database(tmp_path: Path) -> None:
    assert _import_all(copy_product(tmp_path)) == ""


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("from core.config import load_settings; settings = load_settings()", "BETTER_AUTH_SECRET"),
        ("import psycopg2; connection = psycopg2.connect('host=/nowhere')", "OperationalError"),
        ("import socket; socket.create_server(('127.0.0.1', 0))", "at import: socket.bind"),
    ],
)
def test_work_at_import_is_found(tmp_path: Path, line: str, complaint: str) -> None:
    plant(copy_product(tmp_path), "core/http/body_limits.py", line)
    assert complaint in _import_all(tmp_path)


def _import_all(folder: Path) -> str:
    """What the interpreter complains of."""
    command = [sys.executable, "-P", "-W", "error::ResourceWarning", "-c", IMPORT_ALL]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stderr)
    return done.stderr
