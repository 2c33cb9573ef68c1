"""The body of a request as strict JSON: its type, its encoding, its grammar."""

import email.message
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from core import strict_json
from core.errors import Problem, ProblemError


async def read(request: Request) -> Any:
    """The parsed body. Raises ProblemError 400 or 415, and what reading it raises (408, 413)."""
    body = await request.body()
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "", "input": None}])
    content_type = request.headers.get("content-type", "")
    if (content_type != "application/json" and not _is_json(content_type)) or "content-encoding" in request.headers:
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
