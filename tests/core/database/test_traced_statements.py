"""Where OpenTelemetry was set up before, each statement is a span below its request's: by name, without a value."""

import json
import subprocess
import sys
from typing import Any

from tests.conftest import TestDatabase, project_root

TRACED = """
import asyncio, json, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core import logging
from main import create_app
from tests.conftest import make_settings
from tests.core.http.count_calls import TASK, TASKS, response_of

spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)

async def main():
    app = create_app(make_settings(slow_statement=float(sys.argv[2])), sys.argv[1])
    for name, call in (("plain", (TASKS,)), ("keyed", (TASKS, TASK, "a-key-of-the-client"))):
        with trace.get_tracer("test").start_as_current_span(name):
            await response_of(app, "POST" if call[1:] else "GET", *call)
    app.services.database.close()

logging.configure("WARNING", "production")
asyncio.run(main())
logging.flush()
print(json.dumps([{**json.loads(one.to_json()), "seconds": (one.end_time - one.start_time) / 1e9}
                  for one in spans.get_finished_spans()]))
"""
OFF = """
import sys
import main
from core.database import observed
print(observed.watch(0.5) == (0.5, observed.tell_slow), "opentelemetry.sdk" in sys.modules)
"""


def _run(database: TestDatabase, slow: float) -> tuple[list[dict[str, Any]], list[str]]:
    """The spans, and the lines of the log before them."""
    done = subprocess.run(
        [sys.executable, "-c", TRACED, database.url, str(slow)],
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    *lines, spans = done.stdout.splitlines()
    return json.loads(spans), lines


def test_each_statement_is_a_span_below_that_of_its_request(database: TestDatabase) -> None:
    spans, lines = _run(database, 60)
    requests = {span["name"]: span["context"] for span in spans if span["name"] in ("plain", "keyed")}
    statements = {
        name: [span for span in spans if span["parent_id"] == context["span_id"]] for name, context in requests.items()
    }
    assert len(statements["plain"]) >= 1
    assert len(statements["keyed"]) > len(statements["plain"]), "the transaction's too"
    for name, below in statements.items():
        for span in below:
            assert span["context"]["trace_id"] == requests[name]["trace_id"]
            assert span["kind"] == "SpanKind.CLIENT"
            assert span["attributes"] == {"db.system.name": "postgresql", "db.query.summary": span["name"]}
            assert 0 < span["seconds"] < 60
    told = json.dumps(spans)
    assert "Water the plants" not in told
    assert "SELECT" not in told
    assert lines == []


def test_the_log_goes_on_to_name_those_that_are_slow(database: TestDatabase) -> None:
    spans, lines = _run(database, 1e-9)
    told = [json.loads(line) for line in lines]
    slow = [line["db.query.summary"] for line in told if line["message"] == "slow statement"]
    assert slow == [span["name"] for span in spans if span["name"] not in ("plain", "keyed")]


def test_nobody_else_pays_for_it() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], cwd=project_root(), capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
