"""`make example`: one command, one address, and nothing left after Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.better_auth.servers import install
from tests.conftest import SECRET, TestDatabase, project_root
from tests.ports import free_port
from tests.waiting import poll
from tests.web.site import EXAMPLE

COMMAND = [sys.executable, "-m", "scaffold.example"]


def _run(**environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        COMMAND,
        cwd=project_root(),
        env={**os.environ, "BETTER_AUTH_SECRET": SECRET, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_one_address_until_ctrl_c(database: TestDatabase) -> None:
    install(EXAMPLE)
    port = free_port()
    with _run(PORT=str(port), DATABASE_URL=database.url) as running:
        assert running.stdout is not None
        printed = next(line for line in running.stdout if "http" in line)
        (address,) = re.findall(r"http://localhost:\d+", printed)
        assert address == f"http://localhost:{port}"
        with httpx.Client(base_url=address, trust_env=False) as client:
            assert '<div id="root">' in client.get("/").text
            assert client.get("/api/v1/users/me").json()["code"] == "missing_token"
            assert client.get("/api/auth/ok").json() == {"ok": True}
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    poll(lambda: not _listens(port))


def test_a_port_that_is_taken_is_said() -> None:
    install(EXAMPLE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, error = _run(PORT=str(port)).communicate(timeout=60)
    assert error.strip() == f"Port {port} is taken. Choose another one: make example PORT=5174"


def test_without_node_it_says_so(tmp_path: Path) -> None:
    _, error = _run(PATH=str(tmp_path)).communicate(timeout=60)
    assert error.strip() == "The page needs Node.js 20.19 or newer with npm, and there is none here: https://nodejs.org"
