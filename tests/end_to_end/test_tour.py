"""The tour of README.md, typed in as it stands there against a real server, says what README.md says that it does."""

import re
import secrets
import time

import pytest

from tests.conftest import project_root
from tests.end_to_end.project import Project, printed_commands
from tests.ports import free_port

README = (project_root() / "README.md").read_text(encoding="utf-8")
PORT = "8000"
# What differs from run to run, and what stands for it: ids, times of the server, tags and cursors.
VARIES = {
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b": "<id>",
    r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z": "<time>",
    r'"(\d+)-[\w-]+\.[0-9a-f]{8}': r'"\1-<owner>.<schema>',
    r'"(request_id)":"[0-9a-f]{32}"': r'"\1":"<id>"',
    r'"(next_cursor)":"[\w-]+"': r'"\1":"<cursor>"',
}
# Another product's README.md may have none.
has_tour = pytest.mark.skipif("```console" not in README, reason="README.md has no tour")
SHOWN = ["sign-up", "Idempotency-Key", "PATCH", "If-Match", "precondition_failed", "cursor=", "status=pending"]


@has_tour
def test_the_tour_does_what_it_says(project: Project) -> None:
    """The second time too, and after what `make run` prints to be typed in."""
    assert project.run("make", ".env").returncode == 0
    project.migrate()
    port = free_port()
    printed = project.serve(port)
    tour = steps(README)
    assert project.run("bash", "-c", printed_commands(printed)).returncode == 0
    for _ in range(2):
        seen = [(command, constant(text)) for command, text in _typed_in(project, port, tour)]
        assert seen == [(command, constant(text)) for command, text in tour]
        time.sleep(1)  # the address of the next user has the second in it


def _typed_in(project: Project, port: int, tour: list[tuple[str, str]]) -> list[tuple[str, str]]:
    mark = secrets.token_hex(8)
    script = "\n".join(f"{command}\necho {mark}" for command, _ in tour).replace(f":{PORT}/", f":{port}/")
    done = project.run("bash", "-euo", "pipefail", "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.split(f"{mark}\n")[:-1]
    return [(command, text) for (command, _), text in zip(tour, printed, strict=True)]


@has_tour
@pytest.mark.parametrize("word", SHOWN)
def test_the_tour_shows_what_there_is_to_see(word: str) -> None:
    assert word in "\n".join(command + text for command, text in steps(README))


def test_no_line_of_the_tour_is_lost() -> None:
    text = "```console\n$ one \\\n    two\nout\nmore\n$ three\n```\n\n```\n$ four\n```\n"
    assert steps(text) == [("one \\\n    two", "out\nmore\n"), ("three", "")]


def test_only_what_varies_is_not_compared() -> None:
    task = (
        '{"id":"01a2074a-5275-73ca-b532-be271fcd03f1","due_at":"2030-01-31T08:00:00Z","at":"2026-11-23T07:24:01.01Z"}'
    )
    assert constant(task + ' "1-2qWx_-3.0a1b2c3d"') == (
        '{"id":"<id>","due_at":"2030-01-31T08:00:00Z","at":"<time>"} "1-<owner>.<schema>"'
    )


def steps(text: str) -> list[tuple[str, str]]:
    """The commands of all console blocks, each with what is shown below it."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, shown = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", piece, re.DOTALL).groups()  # type: ignore[union-attr]
            found.append((command, shown))
    return found


def constant(text: str) -> str:
    """`text` with what varies replaced."""
    for pattern, stands in VARIES.items():
        text = re.sub(pattern, stands, text)
    return text.replace("\r", "")
