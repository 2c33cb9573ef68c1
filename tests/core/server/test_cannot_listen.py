"""A host that is not ours, or a port that is taken, is said in one line of the log, and the process ends."""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.conftest import SECRET, TestDatabase, project_root


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "Address already in use"),
        ("192.0.2.1", "Cannot assign requested address"),
        ("no-such-host.invalid", ""),
    ],
)
def test_what_cannot_be_listened_on_is_named(database: TestDatabase, host: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url, "HOST": host, "PORT": str(port)}
        done = subprocess.run(
            [sys.executable, "main.py"],
            cwd=project_root(),
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, line["message"], line["level"]) == (1, "cannot listen", "error")
    assert (line["server.address"], line["server.port"]) == (host, port)
    assert line["exception.message"].endswith(reason)
    assert done.stderr == ""  # nobody is told where it listens
