"""What an operator looks for in the log: starts, stops, slow statements, repeats, and whom a line is about."""

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from core.config import VERSION
from core.database import migrations
from tests.conftest import SECRET, TestDatabase, UserClient, make_token, project_root
from tests.core.api_process import ApiProcess, Line
from tests.core.database.locks import locked_tasks, wait_for_waiting
from tests.core.raw_http import connect
from tests.migrations.conftest import PlainDatabase, environment, make_empty_database
from tests.waiting import poll

__all__ = ["make_empty_database"]
PREVIOUS = secrets.token_hex(32)
PASSWORD = "a long pass phrase of somebody"


@pytest.fixture(scope="module")
def process(own: TestDatabase) -> Iterator[ApiProcess]:
    """The program; one that calls every statement slow that takes a twentieth of a second."""
    with ApiProcess(
        own.proxied_url,
        SLOW_STATEMENT="0.05",
        HEAD_TIMEOUT="0.5",
        LOG_PROBES="false",
        DATABASE_POOL_SIZE="1",
        BETTER_AUTH_SECRET_PREVIOUS=PREVIOUS,
        CORS_ORIGIN="https://app.example.com",
    ) as running:
        yield running


def found(process: ApiProcess, message: str, **fields: object) -> Line:
    """The first line with this message and these fields (a dot in a name is a double underscore)."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return process.find(lambda line: line["message"] == message and named.items() <= line.items())


def test_one_line_says_what_was_started_and_where_its_database_is(process: ApiProcess, own: TestDatabase) -> None:
    line = found(process, "started")
    assert (line["service.version"], line["todo_api.workers"]) == (VERSION, 1)
    assert line["todo_api.revision.database"] == line["todo_api.revision.code"] == migrations.head()
    assert line["server.address"] == "127.0.0.1"
    assert line["server.port"] == str(own.proxy.port)
    assert line["db.namespace"] in own.url
    settings = line["todo_api.settings"]
    assert (settings["slow_statement"], settings["better_auth_secret"], settings["database_url"]) == (
        0.05,
        "set",
        "set",
    )
    assert SECRET not in json.dumps(line)
    assert line["todo_api.versions"].keys() == {"python", "fastapi", "uvicorn", "psycopg2", "libpq"}


def test_one_line_says_of_a_misspelt_setting_that_it_is_ignored(process: ApiProcess) -> None:
    line = found(process, "unknown setting")
    assert (line["level"], line["setting"]) == ("warning", "CORS_ORIGIN")
    assert "CORS_ORIGINS may be meant" in line["reason"]
    assert "example.com" not in json.dumps(line)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_one_line_says_that_it_stops(own: TestDatabase, workers: str) -> None:
    with ApiProcess(own.url, WEB_CONCURRENCY=workers) as process:
        poll(lambda: len(_serving(process)) == int(workers))
        process.terminate()
        process.wait()
    assert [line["message"] for line in process.lines if line["message"] in ("started", "stopping")] == [
        "started",
        "stopping",
    ]
    assert len(_serving(process)) == int(workers)


def _serving(process: ApiProcess) -> set[str]:
    """The instances that have begun to serve."""
    return {line["service.instance.id"] for line in process.lines if line["message"].startswith("Application")}


def test_one_line_says_what_was_migrated(make_empty_database: Callable[[], PlainDatabase]) -> None:
    database = make_empty_database()

    def migrate(*arguments: str) -> list[tuple[str | None, str | None]]:
        command = [sys.executable, "-m", "alembic", *arguments]
        settings = environment(DATABASE_URL=database.url)
        done = subprocess.run(command, cwd=project_root(), env=settings, capture_output=True, text=True, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        names = ("todo_api.revision.from", "todo_api.revision.to")
        return [(line[names[0]], line[names[1]]) for line in lines if line["message"] == "migrated"]

    assert migrate("upgrade", "head") == [(None, migrations.head())]
    assert migrate("upgrade", "head") == []
    assert migrate("downgrade", "base") == [(migrations.head(), None)]


def test_a_slow_request_says_why(process: ApiProcess, own: TestDatabase) -> None:
    """A lock keeps one statement waiting, and the only connection with it; so the next request waits for that."""
    with UserClient(process.url) as user:
        user.create_task()
        slow = httpx.Client(base_url=process.url, headers=user.headers, timeout=20)
        with slow, ThreadPoolExecutor() as pool, locked_tasks(own) as unlock:
            asked = [pool.submit(slow.get, user.tasks) for _ in range(2)]
            wait_for_waiting(own)
            time.sleep(0.2)
            unlock()
            responses = [one.result() for one in asked]
        lines = [found(process, "request", request_id=one.headers["x-request-id"]) for one in responses]
    assert [one.status_code for one in responses] == [200, 200]
    first, second = sorted(lines, key=lambda line: line["db.wait_ms"])
    assert first["db.duration_ms"] >= 200 > first["db.wait_ms"]
    assert second["db.wait_ms"] >= 150
    assert first["db.statements"] == second["db.statements"] == 1
    named = found(process, "slow statement", request_id=first["request_id"])
    assert (named["level"], named["db.query.summary"].rpartition(".")[0]) == (
        "warning",
        "modules.tasks.repository.Task",
    )
    assert named["db.duration_ms"] >= 200
    assert named["todo_api.backend_pid"] > 0


CONFLICT = """
CREATE SEQUENCE public.tries;
CREATE FUNCTION public.conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('public.tries') = 1 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF;
    RETURN new;
END $$;
CREATE TRIGGER conflict BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION public.conflict()"""


def test_what_is_sent_again_after_a_conflict_is_told(process: ApiProcess, own: TestDatabase) -> None:
    own.query(CONFLICT)
    try:
        with UserClient(process.url) as user:
            response = user.post(user.tasks, json={"title": "Twice"})
    finally:
        own.query("DROP TRIGGER conflict ON tasks")
    assert response.status_code == 201
    line = found(process, "statement repeated", request_id=response.headers["x-request-id"])
    assert (line["level"], line["error.type"]) == ("info", "TransactionConflictError")
    assert line["db.response.status_code"] == "40001"
    assert line["db.query.summary"]


def test_what_the_auth_slice_does_names_the_user_and_the_limit(process: ApiProcess, own: TestDatabase) -> None:
    account = {"email": "operator@example.com", "password": PASSWORD}
    with httpx.Client(base_url=f"{process.url}/api/v1/auth", timeout=20) as client:
        signed_up = client.post("/sign-up", json=account)
        user_id = signed_up.json()["user"]["id"]
        refreshed = client.post("/refresh", json={"refresh_token": signed_up.json()["refresh_token"]})
        for response in (signed_up, refreshed):
            assert found(process, "request", request_id=response.headers["x-request-id"])["user.id"] == user_id
        own.query("UPDATE local_sessions SET rotated_at = '{}', previous_hash = NULL")
        replayed = client.post("/refresh", json={"refresh_token": signed_up.json()["refresh_token"]})
        assert replayed.status_code == 401
        line = found(process, "refresh token replayed", request_id=replayed.headers["x-request-id"])
        assert (line["level"], line["user.id"]) == ("warning", user_id)
        while (response := client.post("/sign-in", json={**account, "password": "wrong"})).status_code == 401:
            pass
        limited = found(process, "request rejected", request_id=response.headers["x-request-id"])
        assert (response.status_code, limited["error.reason"]) == (429, "attempts_of_account")


def test_a_token_of_the_previous_secret_is_told_once_a_minute(process: ApiProcess) -> None:
    token = {"Authorization": f"Bearer {make_token('somebody', secret=PREVIOUS)}"}
    for _ in range(5):
        last = httpx.get(f"{process.url}/api/v1/users/me", headers=token)
        assert last.status_code == 200
    found(process, "request", request_id=last.headers["x-request-id"])
    told = [line for line in process.lines if line["message"] == "a token was verified by the previous secret"]
    assert [line["setting"] for line in told] == ["BETTER_AUTH_SECRET_PREVIOUS"]


def test_what_is_no_http_and_a_head_that_never_comes_have_a_line_with_the_address(process: ApiProcess) -> None:
    with connect(process.port) as garbage:
        garbage.send(b"\x16\x03\x01\r\n\r\n")
        assert garbage.response() is not None
    with connect(process.port) as silent:
        silent.seconds_until_closed()
    for message, reason in (("request rejected", "bad_framing"), ("connection ended", "head_timeout")):
        assert found(process, message, error__reason=reason)["client.address"] == "127.0.0.1"


def test_probes_are_left_out_where_they_are_not_wanted_and_fail_aloud(process: ApiProcess, own: TestDatabase) -> None:
    with UserClient(process.url) as user:
        kept = user.get("/nothing").headers["x-request-id"]
        quiet = user.get("/health/live").headers["x-request-id"]
        own.proxy.refuse()
        time.sleep(0.01)
        while (failed := user.get("/health/ready")).status_code == 200:
            time.sleep(0.2)
        own.proxy.accept()
    for request_id in (kept, failed.headers["x-request-id"]):
        found(process, "request", request_id=request_id)
    assert not [line for line in process.lines if line.get("request_id") == quiet]


@pytest.mark.parametrize(("form", "begins"), [("json", b"{"), ("terminal", b"")])
def test_a_setting_chooses_the_form(own: TestDatabase, form: str, begins: bytes) -> None:
    with ApiProcess(own.url, LOG_FORMAT=form, terminal=form == "json") as process:
        httpx.get(f"{process.url}/nothing", headers={"X-Request-ID": "chosen"})
        while not any(b"/nothing" in line for line in process.raw_lines):
            time.sleep(0.01)
    (line,) = (line for line in process.raw_lines if b"/nothing" in line)
    assert line.startswith(begins)
    readable = re.fullmatch(rb"\d\d:\d\d:\d\d GET /nothing 404 \d+ ms not_found chosen\r?\n", line)
    assert bool(readable) == (form == "terminal")
