"""The body of a request as strict JSON: its type, its encoding, its grammar."""

import email.message
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from core import headers, strict_json
from core.errors import Problem, ProblemError


async def receive(request: Request) -> bytes:
    """All bytes of the body. Raises ClientDisconnect, and what `core.limits` raises (408, 413)."""
    chunks = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def parse(scope: Scope, body: bytes) -> Any:
    """The value of the body. Raises ProblemError 400 or 415."""
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "", "input": None}])
    types = headers.values(scope, b"content-type")
    is_json = types == ["application/json"] or (len(types) == 1 and _is_json(types[0]))
    if not is_json or headers.values(scope, b"content-encoding") != []:
        raise ProblemError(Problem.UNSUPPORTED_MEDIA_TYPE, "Send `Content-Type: application/json`, uncompressed.")
    try:
        return strict_json.loads(body)
    except strict_json.StrictJsonError as error:
        raise ProblemError(Problem.MALFORMED_JSON, str(error)) from None


def _is_json(content_type: str) -> bool:
    message = email.message.Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "utf-8")
    return message.get_content_type() == "application/json" and str(charset).lower() in ("utf-8", "utf8")
