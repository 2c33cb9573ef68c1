"""What every line of the log has, what none has, and that nobody outside can write one."""

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest

from core.config import NAME, VERSION
from tests.conftest import SECRET, TestDatabase, UserClient, make_token, project_root
from tests.core.api_process import ApiProcess, Line
from tests.core.raw_http import exchange
from tests.ports import free_port

MARKER = "zq7marker"
SERVICE = {"service.name", "service.version", "service.instance.id", "deployment.environment.name"}
ALWAYS = {"timestamp", "level", "message", "logger"} | SERVICE
# Datadog reads these bare names as its own.
TAKEN = {"status", "host", "source", "date", "service"}
# What a log line has besides attributes (OpenTelemetry's log data model has these outside of them), and the names under
# which operators look for what has no stable one there.
OUTSIDE = {"timestamp", "level", "message", "logger", "trace_id", "span_id", "trace_flags", "request_id", "duration_ms"}
SETTLED = {"error.code", "error.reason", "error.advice", "user.id", "db.statements", "db.duration_ms", "db.wait_ms"}
NAMES = (project_root() / "tests" / "core" / "logging" / "opentelemetry_names.txt").read_text().splitlines()
MESSAGES = {
    "Started server process",
    "Waiting for application startup.",
    "Application startup complete.",
    "Uvicorn running on",
    "Invalid HTTP request received.",
    "request",
    "request rejected",
    "request failed",
    "database error",
    "origin not allowed",
    "not ready",
    "started",
    "stopping",
    "slow statement",
    "statement repeated",
    "connection ended",
    "refresh token replayed",
}


@pytest.fixture(scope="module")
def process(own: TestDatabase) -> Iterator[ApiProcess]:
    """The program, reading a password in its database's URL."""
    with ApiProcess(own.proxied_url.replace("postgres@", f"postgres:{MARKER}@")) as running:
        yield running


def all_lines(process: ApiProcess) -> list[Line]:
    """The lines until now: the sentinel's is the last of them."""
    sentinel = httpx.get(f"{process.url}/health/live").headers["x-request-id"]
    process.find(lambda line: line.get("request_id") == sentinel)
    return process.lines


def provoke(process: ApiProcess, database: TestDatabase) -> None:
    """Every kind of line, with the marker in every place that must stay out of the log."""
    claims = {"email": f"{MARKER}@example.com", "name": MARKER}
    task = {"title": MARKER, "description": MARKER}
    account = {"email": f"{MARKER}@example.com", "password": f"{MARKER} pass phrase", "name": MARKER}
    with UserClient(process.url, **claims) as user:
        user.headers["Cookie"] = f"better-auth.session_token={MARKER}"
        user.create_task(**task)
        user.get(f"{user.tasks}?q={MARKER}")
        user.get(f"{user.tasks}?cursor={MARKER}&limit={MARKER}&{MARKER}={MARKER}")
        user.post(user.tasks, json={**task, "status": MARKER, MARKER: MARKER})
        user.post(user.tasks, content=f'{{"title": "{MARKER}"', headers={"Content-Type": "application/json"})
        user.post(user.tasks, content=MARKER, headers={"Content-Type": f"text/{MARKER}"})
        for action in ("sign-up", "sign-up", "sign-in"):
            user.post(f"/api/v1/auth/{action}", json=account)
        user.post("/api/v1/auth/sign-in", json={**account, "password": MARKER})
        user.post("/api/v1/auth/refresh", json={"refresh_token": MARKER})
        user.get("/health/ready")
        for bad in (f"Bearer {MARKER}", f"Basic {MARKER}", f"Bearer {make_token(MARKER, secret=MARKER * 4)}"):
            user.get("/api/v1/users/me", headers={"Authorization": bad})
        database.query("ALTER TABLE tasks RENAME TO hidden")
        user.post(user.tasks, json=task)
        database.query("ALTER TABLE hidden RENAME TO tasks")
        database.proxy.refuse()
        user.post(user.tasks, json=task)
        user.get("/health/ready")
        database.proxy.accept()
    exchange(process.port, f"{MARKER}\r\n\r\n".encode())


def test_no_line_holds_what_is_the_users_or_secret(process: ApiProcess, own: TestDatabase) -> None:
    provoke(process, own)
    lines = all_lines(process)
    assert {line["level"] for line in lines} == {"info", "warning", "error"}
    written = b"".join(process.raw_lines)
    assert MARKER.encode() not in written
    assert SECRET.encode() not in written
    assert not re.search(rb"eyJ|INSERT|SELECT|UPDATE", written)


def test_every_line_has_the_fields_that_all_have_and_no_name_that_is_taken(
    process: ApiProcess, own: TestDatabase
) -> None:
    provoke(process, own)
    for line in all_lines(process):
        assert line.keys() >= ALWAYS
        assert not line.keys() & TAKEN
        ours = {name for name in line if name.startswith("todo_api.")}
        assert line.keys() - ours - OUTSIDE - SETTLED <= set(NAMES)
        assert [name for name in line if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", name)] == []
        assert (line["service.name"], line["service.version"]) == (NAME, VERSION)
        assert line["deployment.environment.name"] == "production"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
        assert line["level"] in {"info", "warning", "error"}
        assert re.split(r" \[| http", line["message"])[0] in MESSAGES
        assert line["logger"].startswith(("core.", "uvicorn.error", "main", "modules."))


def test_nobody_outside_can_forge_a_line(process: ApiProcess) -> None:
    forged = '\r\n{"message": "forged"}\n\x1b[2J\x00\u2028\x85'
    before = len(all_lines(process))
    user_id = f"somebody{forged}"[:40].replace("\0", "") + secrets.token_hex(4)
    with UserClient(process.url, user_id) as user:
        agent = 'Agent\t{"message": "forged"}\xa0'.encode("latin-1")
        headers = [(b"X-Request-ID", "a\u2028b".encode()), (b"User-Agent", agent)]
        user.get(f"/nothing{quote(forged)}", headers=headers)
        user.get("/api/v1/users/me", headers={"User-Agent": "x" * 1000})
    lines = all_lines(process)[before:-1]
    assert [line["message"] for line in lines] == ["request", "request"]
    assert lines[0]["url.path"] == f"/nothing{forged}"
    assert lines[0]["user_agent.original"] == 'Agent\t{"message": "forged"}\xa0'
    assert re.fullmatch("[0-9a-f]{32}", lines[0]["request_id"])
    assert lines[1]["user.id"] == user_id
    assert (lines[1]["user_agent.original"], lines[1]["todo_api.truncated"]) == ("x" * 256 + "…", True)
    assert all(line.count(b"\n") == 1 and not re.search(rb"[\x00-\x09\x0b-\x1f]", line) for line in process.raw_lines)


def test_the_servers_own_lines_take_the_same_form(own: TestDatabase) -> None:
    with ApiProcess(own.proxied_url, APP_ENV="development") as process:
        pass
    lines = [line for line in process.lines if line["logger"] == "uvicorn.error"]
    assert [re.sub(r"\d+", "0", line["message"]) for line in lines] == [
        "Started server process [0]",
        "Waiting for application startup.",
        "Application startup complete.",
        "Uvicorn running on http://0.0.0.0:0 (Press CTRL+C to quit)",
        "Shutting down",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
        "Finished server process [0]",
    ]
    for line in lines:
        assert line.keys() == ALWAYS
        assert line["level"] == "info"
        assert line["deployment.environment.name"] == "development"


def test_a_higher_level_leaves_out_the_lines_below(make_database: Callable[[], TestDatabase]) -> None:
    broken = make_database()
    broken.query("ALTER TABLE users RENAME TO hidden")
    port = str(free_port())
    with ApiProcess(broken.proxied_url, LOG_LEVEL="ERROR", PORT=port) as process, UserClient(process.url) as user:
        assert user.get("/health/live").status_code == 200
        assert user.get("/api/v1/users/me", headers={"Authorization": "Bearer x"}).status_code == 401
        assert user.get("/api/v1/users/me").status_code == 500
    told = [(line["level"], line["message"]) for line in process.lines]
    assert told == [("error", "request failed"), ("error", "request")]


def test_a_terminal_gets_a_form_for_people_that_cannot_be_forged_either(own: TestDatabase) -> None:
    with ApiProcess(own.proxied_url, terminal=True, APP_ENV="development") as process:
        httpx.get(f"{process.url}/first%1b%5b2J%9bx")
        httpx.get(f"{process.url}/second%0aforged")
    first, second = (line for line in process.raw_lines if b" GET\x1b" in line or b" GET " in line)
    assert b"/first\\x1b[2J" in first
    assert b"/second\\nforged" in second
    clock, status = rb"\x1b\[2m\d\d:\d\d:\d\d\x1b\[0m", rb"\x1b\[33m404\x1b\[0m \d+ ms"
    for line in (first, second):
        assert re.match(clock + rb" GET /\S+ " + status + rb" \x1b\[2mnot_found\x1b\[0m ", line)
    assert not any(b"\x1b[2J" in line or line.startswith(b"forged") for line in process.raw_lines)


def test_an_exception_of_a_library_is_told_in_the_same_fields() -> None:
    program = (
        "import logging; from core.logging import configure; configure('INFO', 'production')\n"
        "try: {}['key']\n"
        "except KeyError: logging.getLogger('library').exception('it failed: %s', 'why')\n"
        "logging.getLogger('library').debug('not this')\n"
    )
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, cwd=project_root(), capture_output=True, check=True).stdout
    line = json.loads(output)
    assert (line["logger"], line["level"], line["message"]) == ("library", "error", "it failed: why")
    assert (line["exception.type"], line["exception.message"]) == ("builtins.KeyError", "'key'")
    assert 'File "<string>", line 2' in line["exception.stacktrace"]
    assert line.keys() == ALWAYS | {"exception.type", "exception.message", "exception.stacktrace"}


def test_what_python_says_of_a_value_is_told_without_the_value() -> None:
    """A bug in a slice: a text of the user's is no number. Python quotes it."""
    program = (
        "import datetime, enum, logging, sys; from core.logging import configure; configure('INFO', 'production')\n"
        "for bug in (int, float, datetime.date.fromisoformat, enum.Enum('Kind', 'ONE')):\n"
        "    try: bug(sys.argv[1])\n"
        "    except ValueError: logging.getLogger('modules.bug').exception('it failed')\n"
    )
    for text in (MARKER, f"it's \"{MARKER}\" '{MARKER}"):
        command = [sys.executable, "-c", program, text]
        output = subprocess.run(command, cwd=project_root(), capture_output=True, check=True).stdout
        assert MARKER.encode() not in output
        told = [json.loads(line)["exception.message"] for line in output.splitlines()]
        assert told == [
            "invalid literal for int() with base 10: '…'",
            "could not convert string to float: '…'",
            "Invalid isoformat string: '…'",
            "'…' is not a valid Kind",
        ]
