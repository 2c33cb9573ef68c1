"""Below OpenTelemetry's layer, the span of a request loses its query; tests/compatibility has the real layer."""

import json
import subprocess
import sys

from tests.conftest import TestDatabase, project_root

# As the instrumentation does it: a method set on the object, and a span that is current around what it gives.
TRACED = """
import asyncio, json, sys
from opentelemetry.sdk.trace import TracerProvider

from main import create_app
from tests.conftest import make_settings
from tests.core.http.count_calls import TASKS, response_of

tracer = TracerProvider().get_tracer("test")
SPANS = (
    {"http.url": "http://x/tasks?q=plants", "http.target": "/tasks?q=plants", "http.method": "GET"},
    {"url.path": "/tasks", "url.query": "q=plants"},
)

async def main():
    app = create_app(make_settings(), sys.argv[1])
    own = app.build_middleware_stack
    app.build_middleware_stack = lambda: own()
    app.middleware_stack = app.build_middleware_stack()
    await response_of(app, "GET", TASKS)  # in no span
    for attributes in SPANS:
        with tracer.start_as_current_span("GET", attributes=attributes) as span:
            await response_of(app, "GET", TASKS)
        print(json.dumps(dict(span.attributes)))
    app.services.database.close()

asyncio.run(main())
"""


def test_the_span_of_a_request_loses_its_query_alone(database: TestDatabase) -> None:
    command = [sys.executable, "-c", TRACED, database.url]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert told == [
        {"http.url": "http://x/tasks", "http.target": "/tasks", "http.method": "GET"},
        {"url.path": "/tasks", "url.query": ""},
    ]
