"""What the protocol rejects without the application: responses as bytes, of the same form as every other failure."""

from email.utils import formatdate
from uuid import uuid4

import orjson
import structlog

from core.http.problem_responses import details, retry_after
from core.problems import PROBLEM_JSON, PROBLEMS, Problem, ProblemError, StatusProblem, of_status

_log = structlog.get_logger("core.server.protocol")

_SECURITY = "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
# Why nothing more is read of a connection: the problem, and what the client is told.
Unreadable = tuple[Problem | StatusProblem, str]
BAD_FRAMING: Unreadable = (Problem.BAD_REQUEST, "This is not well-formed HTTP/1.1.")
HEAD_TOO_LARGE: Unreadable = (of_status(431), "The head of a request may have 64 KiB.")


def unreadable(why: Unreadable, client: tuple[str, int] | None, root_path: str) -> bytes:
    """The response to what has no end that can be known, which is logged here; what it was sent to is not known."""
    problem, detail = why
    occurrence = uuid4()
    reason = "bad_framing" if why is BAD_FRAMING else "head_too_large"
    address = client[0] if client else None
    fields = {"error.code": problem.code, "error.reason": reason, "client.address": address}
    _log.info("request rejected", request_id=occurrence.hex, **fields)
    body = orjson.dumps(
        {
            "type": f"{root_path}{PROBLEMS}/{problem.code}",
            "title": problem.title,
            "status": problem.status,
            "detail": detail,
            "code": problem.code,
            "instance": occurrence.urn,
            "request_id": occurrence.hex,
        }
    )
    head = (
        f"HTTP/1.1 {problem.status} {problem.title}\r\ncontent-type: {PROBLEM_JSON}\r\n"
        f"content-length: {len(body)}\r\nx-request-id: {occurrence.hex}\r\ndate: {formatdate(usegmt=True)}\r\n"
        f"{_SECURITY}connection: close\r\n\r\n"
    )
    return head.encode() + body


def tell(reason: str, client: tuple[str, int] | None) -> None:
    """That a connection was ended without a response."""
    _log.info("connection ended", **{"error.reason": reason, "client.address": client[0] if client else None})


def overloaded(error: ProblemError, root_path: str, path: str, request_id: str, connection: bytes) -> bytes:
    """503 as core.http.problem_responses makes it, at a fifth of the cost; `connection` is what ends the head."""
    body = details(error, root_path, path, request_id)
    head = (
        f"HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\n"
        f"content-length: {len(body)}\r\nretry-after: {retry_after()}\r\nx-request-id: {request_id}\r\n{_SECURITY}"
    )
    return head.encode() + connection + body
