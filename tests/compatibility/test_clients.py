"""HTTP clients as people use them: a walk over the API on kept connections, every request served and logged once."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import TestDatabase, make_token, project_root
from tests.core.api_process import ApiProcess
from tests.faults.packages import needed

CLIENTS = project_root() / "tests" / "compatibility" / "clients"
# Twenty creates, a look, a change, the same change with the tag that is old by then, a chunked create, a deletion.
WALK = [*[201] * 20, 200, 200, 412, 201, 204]


def _walk(database: TestDatabase, command: Sequence[str], folder: Path, **environment: str) -> None:
    token = make_token(f"walker-{os.urandom(8).hex()}")
    with ApiProcess(database.proxied_url) as api:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "API": f"{api.url}/api/v1", "TOKEN": token, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["statuses"], found["title"]) == (WALK, "Task 19")
        api.find(lambda line: line.get("http.request.method") == "DELETE")
        logged = [line["http.response.status_code"] for line in api.lines if line["message"] == "request"]
        assert logged == WALK


def test_the_jdks_http_client(database: TestDatabase, tmp_path: Path) -> None:
    needed("javac")
    _walk(database, ["java", str(CLIENTS / "Walk.java")], tmp_path)


@pytest.mark.parametrize("options", ["--http1.1", "--http2"])
def test_curl(database: TestDatabase, tmp_path: Path, options: str) -> None:
    needed("curl")
    _walk(database, ["sh", str(CLIENTS / "walk.sh")], tmp_path, OPTIONS=options)


@pytest.mark.parametrize("kind", ["fetch", "undici", "axios"])
def test_node(database: TestDatabase, kind: str) -> None:
    needed("npm")
    if kind != "fetch" and not (CLIENTS / "node_modules" / kind).exists():
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"npm cannot install {kind} here")
    _walk(database, ["node", "walk.mjs", kind], CLIENTS)
