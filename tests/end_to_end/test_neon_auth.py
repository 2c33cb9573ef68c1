"""`make run` where Neon Auth signs people up: its URL is the only setting."""

from contextlib import closing
from typing import Any

import httpx

from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess
from tests.core.tokens.key_server import KeyServer, SigningKey
from tests.end_to_end.project import Project, printed_commands
from tests.ports import free_port

BASE = "/neondb/auth"
KEY = SigningKey()
OFF = "local accounts are off"


def test_an_environment_file_with_the_url_of_neon_auth_alone_is_enough(project: Project) -> None:
    """What is printed to be typed in needs the sign-in server's token, and nothing that is not there."""
    with closing(KeyServer(KEY)) as server:
        server.path = f"{BASE}/.well-known/jwks.json"
        file = project.folder / ".env"
        file.write_text(f"NEON_AUTH_BASE_URL={server.url}{BASE}\n")
        assert project.run("make", ".env").returncode == 0
        assert file.read_text() == f"NEON_AUTH_BASE_URL={server.url}{BASE}\n"
        project.migrate()
        port = free_port()
        printed = project.serve(port)
        assert "sign-up" not in printed
        commands = printed_commands(printed).replace("TOKEN=...", f"TOKEN={KEY.token(server.url)}")
        done = project.run("bash", "-euo", "pipefail", "-c", commands)
        assert (done.returncode, done.stdout) == (0, '{"items":[],"next_cursor":null}'), done.stderr
        assert server.asked == [server.path]
        assert httpx.post(f"http://127.0.0.1:{port}/api/v1/auth/sign-up", json={}).status_code == 404


def test_the_log_says_once_that_nobody_signs_up_here(database: TestDatabase, project: Project) -> None:
    """In production, and with several workers; not where it was set."""
    settings: dict[str, Any] = {"NEON_AUTH_BASE_URL": f"http://127.0.0.1:1{BASE}", "BETTER_AUTH_SECRET": ""}
    with ApiProcess(database.proxied_url, folder=project.folder, WEB_CONCURRENCY="2", **settings) as process:
        for _ in range(10):
            assert httpx.get(f"{process.url}/health/live").status_code == 200
        process.terminate()
        process.wait()
        [line] = [line for line in process.lines if line["message"] == OFF]
    assert (line["level"], line["setting"]) == ("info", "AUTH_LOCAL_ACCOUNTS")
    assert line["reason"] == "BETTER_AUTH_SECRET is not set"
    with ApiProcess(database.proxied_url, folder=project.folder, AUTH_LOCAL_ACCOUNTS="false", **settings) as process:
        process.find(lambda line: "Uvicorn running" in line["message"])
    assert not [line for line in process.lines if line["message"] == OFF]
