"""The questions of docs/operations.md, asked of the real jq and lnav, on a log that the API has written just now."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TestDatabase, project_root
from tests.faults import packages
from tests.operations.log_queries import (
    DOCUMENT,
    GONE,
    PROGRAMS,
    QUESTIONS,
    USER,
    by_jq,
    by_lnav,
    filled,
    in_lnav,
    real_log,
    shown,
)

MISSING = [name for name in PROGRAMS if packages.find(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"apt-get install {' '.join(MISSING)}"),
]

# By question, what both tools find: lines without what takes time, in any order.
ME = "/api/v1/users/{user_id}"
TASKS, TASK = "/api/v1/users/{user_id}/tasks", "/api/v1/users/{user_id}/tasks/{task_id}"
OWN = "/api/v1/users/u7Qx2fPzK0bR4mVtYc9LwA1sDhE6gNjZ/tasks"
FOUND = {
    "Slowest routes": [f"9 {TASKS}", f"3 {TASK}", f"1 {ME}"],
    "Errors by code": ["4 401 invalid_token", "1 400 validation_failed", "1 404 not_found"],
    "One user's requests": [
        *[f"POST {OWN} 201"] * 3,
        *[f"PATCH {OWN}/ID 200"] * 2,
        f"GET {OWN} 200",
        f"GET {OWN}/ID 404",
        f"POST {OWN} 400",
    ],
    "Who deleted their account": [GONE],
    "Who sends the most": [
        f"127.0.0.1 {TASKS} 401",
        f"3 {USER} 127.0.0.1 {TASKS} 201",
        f"2 {USER} 127.0.0.1 {TASK} 200",
        f"1 {USER} 127.0.0.1 {TASK} 404",
        f"1 {USER} 127.0.0.1 {TASKS} 400",
        f"1 {USER} 127.0.0.1 {TASKS} 200",
        f"1 {GONE} 127.0.0.1 {ME} 204",
    ],
    "Rejected tokens by reason": ["2 session_token", "1 wrong_signature", "1 expired"],
    "Time in the database": [TASKS, TASK, ME],
}


@pytest.fixture(scope="module")
def log(make_database: Callable[[], TestDatabase], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was logged."""
    return real_log(tmp_path_factory.mktemp("log"), make_database().proxied_url)


@pytest.mark.parametrize("ask", [by_jq, by_lnav])
@pytest.mark.parametrize("begin", FOUND)
def test_both_tools_find_what_happened(log: Path, begin: str, ask: Callable[..., str]) -> None:
    (question,) = [one for one in QUESTIONS if one.title.startswith(begin)]
    answer = re.sub(r"[0-9a-f-]{36}", "ID", ask(question, log))
    lines = [" ".join(line.split()) for line in answer.splitlines()]
    for line in set(FOUND[begin]):
        hits = [one for one in lines if one == line or one.endswith(f" {line}")]
        assert len(hits) == FOUND[begin].count(line), (line, answer)
    assert len(lines) - (ask is by_lnav) == len(FOUND[begin])


@pytest.mark.parametrize("ask", [by_jq, by_lnav])
def test_one_request_is_found_whole(log: Path, ask: Callable[..., str]) -> None:
    (question,) = [one for one in QUESTIONS if one.title.startswith("One request")]
    answer = ask(question, log).splitlines()[-2:]
    assert "request rejected" in answer[0]
    assert "session_token" in answer[0]
    assert "401" in answer[1]


def test_lnav_shows_a_line_in_words(log: Path) -> None:
    lines = in_lnav(log).splitlines()
    assert re.fullmatch(r"\S+ info +started *", next(line for line in lines if "started" in line))
    shown = re.compile(rf"\S+ info +request POST {re.escape(TASKS)} 201 +[\d.]+( ms)?")
    assert len([line for line in lines if shown.fullmatch(line)]) == 3, lines


def test_the_document_shows_these_questions_and_answers(log: Path) -> None:
    text = (project_root() / DOCUMENT).read_text(encoding="utf-8")
    new = filled(text, shown(log))
    assert _shape(new) == _shape(text), "if the change was meant, run `make log-queries`"


def _shape(text: str) -> list[str]:
    """Its lines without times and ids; the slowest may be another each time."""
    masked = re.sub(r"[0-9a-f-]{36}", "ID", text)
    return sorted(" ".join(re.sub(r"\d+(\.\d+)?", "N", line).split()) for line in masked.splitlines())
