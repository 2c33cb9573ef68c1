"""A collector of OTLP over HTTP: writes each span that it is sent as a line of JSON. Its one argument is its port.

A Python that has opentelemetry-proto runs it, which the tests' own has not.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

IDS = {"trace_id": "traceId", "span_id": "spanId", "parent_span_id": "parentSpanId"}


def _spans(body: bytes) -> Iterator[dict[str, Any]]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        (service,) = (one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                # In the mapping they would be base64.
                ids = {field: getattr(span, field).hex() for field in IDS}
                rest = {name: value for name, value in MessageToDict(span).items() if name not in IDS.values()}
                yield {"service": service, "scope": scope.scope.name, **ids, **rest}


async def _traces(request: Request) -> Response:
    for span in _spans(await request.body()):
        print(json.dumps(span), flush=True)  # noqa: T201
    return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")


if __name__ == "__main__":
    routes = [Route("/v1/traces", _traces, methods=["POST"])]
    uvicorn.run(Starlette(routes=routes), port=int(sys.argv[1]), log_level="error")
