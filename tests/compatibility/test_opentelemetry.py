"""OpenTelemetry as its documentation turns it on: one server span for each request, named by method and route."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from core.resources.pagination import encode
from tests.compatibility import instrumented
from tests.conftest import TestDatabase, make_token, project_root
from tests.core.api_process import ApiProcess
from tests.faults.conftest import Say, say
from tests.ports import free_port
from tests.waiting import poll

__all__ = ["say"]

TASKS, TEMPLATE = "/api/v1/users/me/tasks", "/api/v1/users/{user_id}/tasks"
# Of a list by title: it has the title of the page's last task in it.
CURSOR = encode("title", "water the plants", UUID(int=0))
# A create, two reads of it, a list, an update, a deletion.
LEAST_STATEMENTS = 5
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def installed() -> Path:
    """The programs of an environment that has what this project needs, and OpenTelemetry's packages."""
    return instrumented.install()


def _spans(api: ApiProcess) -> Iterator[dict[str, Any]]:
    """What the console exporter wrote so far, without a span that is half written."""
    text = b"".join(api.raw_lines).decode()
    for one in re.findall(r"^{$.*?^}$", text, re.MULTILINE | re.DOTALL):
        yield json.loads(one)


def _statements(api: ApiProcess) -> list[dict[str, Any]]:
    """The spans of statements."""
    return [span for span in _spans(api) if span["kind"] == "SpanKind.CLIENT"]


def _server_spans(api: ApiProcess) -> list[tuple[str, str | None]]:
    """Name and route of each span of a request."""
    return [
        (span["name"], span["attributes"].get("http.route"))
        for span in _spans(api)
        if span["kind"] == "SpanKind.SERVER"
    ]


def _requests(client: httpx.Client) -> list[tuple[str, str | None]]:
    """Sends one of each kind; gives the spans that there should be."""
    made = client.post(TASKS, json={"title": "Water the plants"})
    path = f"{TASKS}/{made.json()['id']}"
    responses = [
        client.get(path, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}),
        client.get(TASKS, params={"q": "plants", "sort": "title", "limit": 1, "cursor": CURSOR}),
        client.patch(path, json={"title": "New"}, headers={"If-Match": '"9"'}),
        client.delete(path),
        client.get(path, headers={"Authorization": "Bearer nonsense"}),
        client.get("/health/live"),
        client.get("/nothing"),
    ]
    assert [made.status_code, *(one.status_code for one in responses)] == [201, 200, 200, 412, 204, 401, 200, 404]
    one, live = f"{TEMPLATE}/{{task_id}}", "/health/live"
    return [
        (f"POST {TEMPLATE}", TEMPLATE),
        (f"GET {one}", one),
        (f"GET {TEMPLATE}", TEMPLATE),
        (f"PATCH {one}", one),
        (f"DELETE {one}", one),
        (f"GET {one}", one),
        (f"GET {live}", live),
        ("GET", None),
    ]


@pytest.mark.parametrize(
    ("fast", "workers", "names"), [("true", "1", ""), ("false", "1", "http/dup"), ("true", "2", "http")]
)
def test_each_request_is_one_server_span_with_its_route(
    database: TestDatabase, installed: Path, say: Say, fast: str, workers: str, names: str
) -> None:
    """And tells nothing of what the user wrote, under the older names of its attributes and under the newer ones."""
    with ApiProcess(
        database.proxied_url,
        program=instrumented.program(installed),
        PORT=str(free_port()),
        FAST_PATH=fast,
        WEB_CONCURRENCY=workers,
        LOG_LEVEL="ERROR",
        OTEL_TRACES_EXPORTER="console",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_BSP_SCHEDULE_DELAY="100",
        OTEL_SEMCONV_STABILITY_OPT_IN=names,
        PYTHONUNBUFFERED="1",  # each span is one write, so that those of two workers stay whole
    ) as api:
        headers = {"Authorization": f"Bearer {make_token('traced')}"}
        with httpx.Client(base_url=api.url, headers=headers, timeout=20) as client:
            expected = _requests(client)
        poll(lambda: len(_server_spans(api)) >= len(expected))
        poll(lambda: len(_statements(api)) >= LEAST_STATEMENTS)
    assert sorted(_server_spans(api), key=str) == sorted(expected, key=str)
    parents = [(span["context"]["trace_id"], span["parent_id"]) for span in _spans(api) if span["parent_id"]]
    assert (f"0x{TRACE}", f"0x{PARENT}") in parents
    servers = {span["context"]["span_id"] for span in _spans(api) if span["kind"] == "SpanKind.SERVER"}
    assert {span["parent_id"] for span in _statements(api)} <= servers
    (asked,) = [span for span in _spans(api) if span["parent_id"] == f"0x{PARENT}"]
    below = [span for span in _statements(api) if span["parent_id"] == asked["context"]["span_id"]]
    assert [span["context"]["trace_id"] for span in below] == [f"0x{TRACE}"]
    say(f"{TRACE}: {PARENT} (theirs) > {asked['name']} > {below[0]['name']}")
    written = b"".join(api.raw_lines)
    assert b"/users/me/tasks" in written
    assert [word for word in (b"plants", CURSOR.encode()) if word in written] == []


def test_the_names_that_the_log_may_use_are_those_of_the_package(installed: Path) -> None:
    """tests/core/logging holds the log's fields to that list."""
    program = """
import importlib, pkgutil, opentelemetry.semconv.attributes as stable
for module in pkgutil.iter_modules(stable.__path__):
    found = vars(importlib.import_module(f"{stable.__name__}.{module.name}"))
    print("\\n".join(value for name, value in found.items() if name.isupper() and isinstance(value, str)))
"""
    done = subprocess.run([installed / "python", "-c", program], capture_output=True, text=True, check=True)
    listed = (project_root() / "tests" / "core" / "logging" / "opentelemetry_names.txt").read_text().splitlines()
    assert {line for line in listed if not line.startswith("#")} == set(done.stdout.split())
