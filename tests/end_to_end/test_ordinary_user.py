"""The project serves an ordinary user as it serves root, beside whoever used the machine before."""

import os
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.project import Project
from tests.ports import free_port

# Whoever owns nothing; may read everything, because the interpreter can lie in a folder that is root's alone.
NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


@pytest.fixture
def ordinary(project: Project) -> Project:
    """The copy, owned and run by an ordinary user."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv, which changes the user, is not installed here")
        project.user = NOBODY
        for path in (project.root, *project.root.rglob("*")):
            os.chown(path, 65534, 65534)
        # As a machine has it on which root was first.
        Path(project.environment["TMPDIR"], ".lockfile").touch(mode=0o600)
    if (tried := project.run(sys.executable, "-c", "import fastapi")).returncode != 0:
        pytest.skip(f"no ordinary user can run this interpreter here: {tried.stderr.strip()}")
    return project


def test_an_ordinary_user_gets_the_whole_project(ordinary: Project) -> None:
    assert ordinary.run("make", ".env").returncode == 0
    ordinary.migrate()
    port = free_port()
    ordinary.serve(port)
    account = {"email": "you@example.com", "password": "a long pass phrase"}
    url = f"http://127.0.0.1:{port}/api/v1/auth/sign-up"
    assert httpx.post(url, json=account, timeout=20, trust_env=False).status_code == 201
    data = ordinary.folder / ".data" / "postgres"
    assert data.stat().st_uid == (os.geteuid() or 65534)
    assert data.stat().st_mode & 0o077 == 0
