"""What the protocol rejects without the application: responses as bytes, of the same form as every other failure."""

from uuid import uuid4

import orjson
import structlog

from core.http.problem_responses import details, retry_after
from core.problems import Problem, ProblemError

_log = structlog.get_logger("core.server.protocol")

_SECURITY = "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
_BAD_FRAMING = {
    "type": "urn:todo-api:problem:bad_request",
    "title": Problem.BAD_REQUEST.title,
    "status": 400,
    "detail": "This is not well-formed HTTP/1.1.",
    "code": Problem.BAD_REQUEST.code,
}


def bad_framing() -> bytes:
    """400, which is logged here; what it was sent to is not known."""
    occurrence = uuid4()
    fields = {"error.code": Problem.BAD_REQUEST.code, "error.reason": "bad_framing"}
    _log.info("request rejected", request_id=occurrence.hex, **fields)
    body = orjson.dumps({**_BAD_FRAMING, "instance": occurrence.urn, "request_id": occurrence.hex})
    head = (
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nx-request-id: {occurrence.hex}\r\n"
        f"{_SECURITY}connection: close\r\n\r\n"
    )
    return head.encode() + body


def overloaded(error: ProblemError, path: str, request_id: str, connection: bytes) -> bytes:
    """503 as core.http.problem_responses makes it, at a fifth of the cost; `connection` is what ends the head."""
    body = details(error, path, request_id)
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nretry-after: {retry_after()}\r\nx-request-id: {request_id}\r\n{_SECURITY}"
    )
    return head.encode() + connection + body
