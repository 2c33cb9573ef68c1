"""Nothing happens at import: no settings are read, no connection and no process is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.folders import copy_product, plant

pytestmark = pytest.mark.slow

# A program of its own, in an empty environment, that rejects what has no place at import and then imports everything.
IMPORT_ALL = """
import importlib, pathlib, sys, traceback

def reject(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.posix_spawn"):
        raise RuntimeError("at import: " + event)

sys.path.insert(0, ".")
sys.addaudithook(reject)
here = pathlib.Path()
failed = False
for path in sorted([here / "main.py", *here.glob("core/**/*.py"), *here.glob("modules/**/*.py")]):
    try:
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    except Exception:
        failed = True
        print("Complaint:", traceback.format_exc(), file=sys.stderr)
sys.exit(failed)
"""


def test_every_module_is_imported_without_settings_and_without_a_database(tmp_path: Path) -> None:
    assert _import_all(copy_product(tmp_path)) == ""


# Each in a file of its own, what it does, and the complaint.
BREACHES = [
    ("settings", "from core.config import load_settings; settings = load_settings()", "BETTER_AUTH_SECRET"),
    ("connects", "import psycopg2; connection = psycopg2.connect('host=/nowhere')", "OperationalError"),
    ("listens", "import socket; socket.create_server(('127.0.0.1', 0))", "at import: socket.bind"),
]


def test_work_at_import_is_found(tmp_path: Path) -> None:
    copy_product(tmp_path)
    for name, line, _ in BREACHES:
        plant(tmp_path, f"core/{name}.py", line)
    complaints = _import_all(tmp_path).split("Complaint:")[1:]
    found = [(name, said) for name, _, said in BREACHES for one in complaints if f"{name}.py" in one and said in one]
    assert found == [(name, said) for name, _, said in BREACHES]
    assert len(complaints) == len(BREACHES)


def _import_all(folder: Path) -> str:
    """What the interpreter complains of."""
    command = [sys.executable, "-P", "-W", "error::ResourceWarning", "-c", IMPORT_ALL]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stderr)
    return done.stderr
