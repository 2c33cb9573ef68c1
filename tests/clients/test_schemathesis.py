"""The document is as strict as the API: what it allows is taken, what it forbids is rejected, and no response is new.

schemathesis makes requests of it, by the same chance each time.
"""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.workplace import HERE
from tests.conftest import RunningServer, UserClient
from tests.environments import installed

# Requests of each operation, besides those that cover each keyword of its schemas.
EXAMPLES, SEED = 40, 1
# What no schema says: the code of a problem, or of a field's error with its place, where requests are rejected that the
# document allows.
UNSAID = {
    ("/password", "guessable_password"),
    ("/new_password", "guessable_password"),
    ("/email", "malformed"),
    ("/query/cursor", "invalid_cursor"),
    "cursor_expired",
    ("/header/if-match", "malformed"),
    ("/header/if-none-match", "malformed"),
    # One parameter needs another, or excludes it: what a change of many is about, and what stands beside the body.
    ("/query/id", "nothing_chosen"),
    ("/etags", "chosen_twice"),
    "key_required",
}


@pytest.fixture(scope="module")
def program() -> Path:
    """schemathesis, in an environment of its own."""
    return installed("schemathesis", HERE / "schemathesis.txt") / "schemathesis"


Failure = tuple[str, Any]


@pytest.fixture
def run(program: Path, tmp_path: Path, api_server: RunningServer) -> Callable[..., tuple[int, list[Failure]]]:
    """Runs it as a user; gives how many operations it called, and what it found wrong."""

    def run_one(user: UserClient, *options: str) -> tuple[int, list[Failure]]:
        report = tmp_path / "report.ndjson"
        command: list[str | Path] = [
            program,
            "--config-file",
            HERE / "schemathesis.toml",
            "run",
            f"{api_server.url}/openapi.json",
        ]
        command += ["-H", f"Authorization: {user.headers['Authorization']}", "--phases", "examples,coverage,fuzzing"]
        command += ["--seed", str(SEED), "--max-examples", str(EXAMPLES), "--report-ndjson-path", report, *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
        assert report.exists(), done.stdout + done.stderr
        found = [json.loads(line).get("ScenarioFinished") for line in report.read_text(encoding="utf-8").splitlines()]
        scenarios = [one["recorder"] for one in found if one]
        called = {one["label"] for one in scenarios if one.get("interactions")}
        return len(called), [failure for one in scenarios for failure in _failures(one)]

    return run_one


def _failures(scenario: dict[str, Any]) -> Iterator[Failure]:
    """The check that failed, and what the API responded."""
    for case, checks in scenario.get("checks", {}).items():
        for check in checks:
            if check["status"] != "success":
                response = scenario["interactions"][case]["response"]
                content = base64.b64decode((response.get("content") or {}).get("$base64", ""))
                is_json = "json" in str(response["headers"].get("content-type"))
                told = json.loads(content) if is_json else content[:200]
                if not (check["name"] == "positive_data_acceptance" and is_json and _is_unsaid(told)):
                    yield f"{scenario['label']}: {check['name']}", told or check["failure_info"]


def _is_unsaid(problem: Any) -> bool:
    places = {(one["pointer"].rstrip("0123456789/"), one["code"]) for one in problem.get("errors", ())}
    return problem["code"] in UNSAID or (bool(places) and places <= UNSAID)


def test_the_document_is_as_strict_as_the_api(
    run: Callable[..., tuple[int, list[Failure]]], make_user: Callable[..., UserClient]
) -> None:
    called, failures = run(make_user(), "--exclude-operation-id", "deleteUser")
    assert failures == []
    assert called >= 19


def test_the_document_of_a_deletion_is_too(
    run: Callable[..., tuple[int, list[Failure]]], make_user: Callable[..., UserClient]
) -> None:
    """By itself: whoever it has deleted is nobody from there on."""
    assert run(make_user(), "--include-operation-id", "deleteUser") == (1, [])
