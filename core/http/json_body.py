"""The body of a request as strict JSON: its type, its encoding, its grammar."""

import codecs
import email.message
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from core import strict_json
from core.http import headers
from core.problems import Problem, ProblemError

# The second is for a PATCH alone.
_TYPES = "application/json", "application/merge-patch+json"
ACCEPT_PATCH = ", ".join(_TYPES)
# Nobody's is longer, and one with thousands of parameters takes long to read.
MAX_TYPE_LENGTH = 256


async def receive(request: Request) -> bytes:
    """All bytes of the body. Raises ClientDisconnect, and what `core.http.body_limits` raises (408, 413)."""
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
    is_json = types == ["application/json"] or (len(types) == 1 and _is_json(types[0], scope["method"]))
    if not is_json or headers.values(scope, b"content-encoding") != []:
        detail = "Send `Content-Type: application/json`, uncompressed."
        raise ProblemError(Problem.UNSUPPORTED_MEDIA_TYPE, detail, headers=_taken(scope["method"]))
    try:
        # RFC 8259, section 8.1: a parser may ignore the mark that some editors and clients begin a text with.
        return strict_json.loads(body.removeprefix(codecs.BOM_UTF8))
    except strict_json.StrictJsonError as error:
        raise ProblemError(Problem.MALFORMED_JSON, str(error)) from None


def _taken(method: str) -> dict[str, str]:
    """What would be taken (RFC 9110, section 15.5.16; RFC 5789, section 2.2)."""
    types = {"Accept-Patch": ACCEPT_PATCH} if method == "PATCH" else {"Accept": _TYPES[0]}
    return {**types, "Accept-Encoding": "identity"}


def _is_json(content_type: str, method: str) -> bool:
    """Whether it names JSON in UTF-8; a PATCH merges, so that it may say so (RFC 7396, section 4)."""
    if len(content_type) > MAX_TYPE_LENGTH:
        return False
    message = email.message.Message()
    message["content-type"] = content_type
    charset = message.get_param("charset", "utf-8")
    taken = _TYPES if method == "PATCH" else _TYPES[:1]
    return message.get_content_type() in taken and str(charset).lower() in ("utf-8", "utf8")
