"""What a collector was sent by several services: their spans, and how one leads to the other."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.waiting import poll
from tests.web.site import listens

HERE = Path(__file__).parent
Span = dict[str, Any]
_REGISTER = "--require @opentelemetry/auto-instrumentations-node/register"
# As OpenTelemetry's documents turn it on. Which cloud this is would be asked of addresses of clouds.
FOR_NODE = {
    "OTEL_NODE_RESOURCE_DETECTORS": "env",
    "NODE_OPTIONS": _REGISTER,
    "NODE_PATH": str(HERE / "node_modules"),  # a product has it in its own
}
# Where a program is of ES modules and no bundler has made it what `require` loads.
FOR_ES_MODULES = FOR_NODE | {
    "NODE_OPTIONS": f"{_REGISTER} --experimental-loader=@opentelemetry/instrumentation/hook.mjs"
}


class Collector:
    """Where services send their spans."""

    def __init__(self, port: int, written: Path) -> None:
        self._port = port
        self._written = written

    def variables(self, service: str) -> dict[str, Any]:
        """What OpenTelemetry is told there, whatever language the service is written in."""
        return {
            "OTEL_SERVICE_NAME": service,
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    @property
    def text(self) -> str:
        """All that is in the spans, but for one that is half written."""
        whole, _, _ = self._written.read_text(encoding="utf-8").rpartition("\n")
        return whole

    def spans(self, trace: str) -> list[Span]:
        """Those of a trace, in the order in which they began."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return sorted((span for span in found if span["trace_id"] == trace), key=lambda one: one["startTimeUnixNano"])


@contextmanager
def collecting(python: Path, folder: Path) -> Iterator[Collector]:
    """Runs one, by a Python that has OpenTelemetry's packages."""
    port, written = free_port(), folder / "spans.jsonl"
    with (
        written.open("wb") as output,
        subprocess.Popen([python, HERE / "collector.py", str(port)], stdout=output) as running,
    ):
        try:
            poll(lambda: listens(port))
            yield Collector(port, written)
        finally:
            running.terminate()


def way(span: Span, spans: list[Span]) -> list[Span]:
    """The spans from the uppermost one that is there down to this one."""
    above = next((one for one in spans if one["span_id"] == span["parent_span_id"]), None)
    return [span] if above is None else [*way(above, spans), span]


def drawn(spans: list[Span], shown: list[Span]) -> str:
    """The tree of those to be shown, below what was sent along: a line for each, with its service."""
    (sent,) = {way(span, spans)[0]["parent_span_id"] for span in shown}
    lines = [f"{sent} (the browser's)"]
    for span in sorted(shown, key=lambda one: [above["startTimeUnixNano"] for above in way(one, spans)]):
        depth = sum(above in shown for above in way(span, spans))
        lines.append(f"{'  ' * depth}{span['name']} ({span['service']})")
    return "\n".join(lines)
