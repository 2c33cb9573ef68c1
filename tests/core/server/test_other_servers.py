"""`main:app`: without our protocol nothing is served, and one sentence says what to run; with it, it is as ever."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from core.server.other_servers import PROTOCOL
from tests.conftest import SECRET, TestDatabase, assert_problem, make_token, project_root
from tests.core.api_process import ApiProcess
from tests.core.raw_http import RawConnection
from tests.ports import free_port

UVICORN = (sys.executable, "-m", "uvicorn", "main:app")
SENTENCE = (
    "This API was not started: a server with an HTTP protocol of its own would serve it without its limits and framing "
    "rules; run `python main.py`, which the settings HOST, PORT and WEB_CONCURRENCY are for, "
    f"or `uvicorn main:app --http {PROTOCOL}`.\n"
)
# What fastapi-cli, gunicorn and a program of somebody's own do: they import `main`, and look for an application.
IMPORTED = "import main; assert 'app' in dir(main); main.app"
RUN = "import uvicorn; uvicorn.run('main:app', port=0, http='{http}')"


def _run(*command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": "postgresql://o@127.0.0.1:1/todo"}
    return subprocess.run(
        command,
        cwd=project_root(),
        env={**environment, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        UVICORN,
        (*UVICORN, "--http", "h11", "--lifespan", "off"),
        (*UVICORN, "--http", "core.protocol:BoundedProtocol"),
        (sys.executable, "-c", RUN.format(http="httptools")),
        (sys.executable, "-c", IMPORTED),
    ],
    ids=["uvicorn", "h11", "without settings of ours", "uvicorn.run", "imported"],
)
def test_another_protocol_is_not_served(command: tuple[str, ...]) -> None:
    done = _run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", SENTENCE)


def test_settings_that_cannot_be_used_end_it_as_well() -> None:
    done = _run(*UVICORN, "--http", PROTOCOL, KEEP_ALIVE_TIMEOUT="soon")
    assert (done.returncode, done.stdout) == (3, "")
    head, problem = done.stderr.splitlines()
    assert head == "The settings cannot be used:"
    assert problem.startswith("  - KEEP_ALIVE_TIMEOUT: ")


def test_what_else_is_asked_of_the_file_is_not_there() -> None:
    done = _run(sys.executable, "-c", "import main; main.nothing")
    assert done.stderr.splitlines()[-1] == "AttributeError: module 'main' has no attribute 'nothing'"


@pytest.fixture(scope="module", params=["command", "run"])
def served(request: pytest.FixtureRequest, database: TestDatabase) -> Iterator[ApiProcess]:
    """uvicorn with our protocol: by its command, and by a program of one's own."""
    port = str(free_port())
    own = f"import uvicorn; uvicorn.run('main:app', port={port}, http='{PROTOCOL}')"
    program = (*UVICORN, "--http", PROTOCOL, "--port", port)
    with ApiProcess(
        database.proxied_url,
        program=program if request.param == "command" else (sys.executable, "-c", own),
        PORT=port,
        MAX_BODY_BYTES="2000",
        HEAD_TIMEOUT="1",
        KEEP_ALIVE_TIMEOUT="41",
    ) as api:
        yield api


def test_our_protocol_is_served(served: ApiProcess) -> None:
    headers = {"Authorization": f"Bearer {make_token('uvicorn')}", "X-Forwarded-For": "203.0.113.9"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=20) as client:
        made = client.post("/api/v1/users/me/tasks", json={"title": "Water the plants"})
        assert (made.status_code, made.headers["keep-alive"]) == (201, "timeout=41")
        large = client.post("/api/v1/users/me/tasks", json={"title": "x" * 2000})
        assert_problem(large, 413, "body_too_large", detail="A body has at most 2000 bytes.")
    line = served.find(lambda line: line.get("http.response.status_code") == 201)
    served.find(lambda line: line.get("http.response.status_code") == 413)
    assert line["client.address"] == "127.0.0.1", "no proxy is trusted unless a setting says so"
    assert len([one for one in served.raw_lines if b"/api/v1/users/me/tasks" in one]) == 2, "one line for each request"


def test_our_protocol_keeps_its_rules(served: ApiProcess) -> None:
    """One framing for all requests, no switch to another protocol, and a head that comes in time."""
    live = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
    connection = RawConnection(served.port)
    connection.send(live + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n")
    offered = connection.response()
    assert offered is not None
    assert offered.status == 200
    connection.send(live + b"X-A : 1\r\n\r\n" + live + b"\r\n")
    assert [response.status for response in connection.responses()] == [400]
    connection.close()
    slow = RawConnection(served.port)
    slow.send(live)
    assert slow.response() is None
    slow.close()
