"""gzip for what is worth it: whole JSON above 1 KiB, for clients that take it (RFC 9110, section 12.5.3)."""

import asyncio
import re
import zlib

from starlette.types import Message, Scope

from core.http import context
from core.http.headers import values, with_vary
from core.http.responses import Header

# What is shorter fits into one packet either way.
LEAST_BYTES = 1024
# Above it the event loop would wait for half a millisecond and more; zlib lets other threads run meanwhile.
_LONG_BYTES = 128 * 1024
# The fastest level, and a window and memory that fit JSON: by default the memory alone costs twice what a page does.
_LEVEL, _GZIP_WINDOW, _MEMORY = 1, 16 + 13, 7

_SUFFIX = b'-gzip"'
_CODING = re.compile(r"[ \t]*([^\s,;]+)[ \t]*(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?", re.ASCII | re.I)


async def compressed(scope: Scope, start: Message, content: Message) -> Message:
    """The content of a response, compressed where the client takes that; `start` then says so, in its ETag as well.

    What comes in parts stays as it is, and so does what a public operation gives: tokens are among it, and the length
    of what is compressed tells of secrets in it (BREACH). An endpoint that gives a secret to a user who has signed in
    says `Cache-Control: no-transform`.
    """
    found = context.in_scope(scope)
    public = found.route is not None and found.principal is None
    if public or content.get("more_body") or start["status"] not in (200, 201) or not _is_json(start["headers"]):
        return content
    start["headers"] = with_vary(start["headers"], b"Accept-Encoding")
    if not takes_gzip(values(scope, b"accept-encoding")):
        return content
    body: bytes = content["body"]
    short = await asyncio.to_thread(_gzip, body) if len(body) > _LONG_BYTES else _gzip(body)
    start["headers"] = [_of_gzip(one, len(short)) for one in start["headers"]]
    start["headers"].append((b"content-encoding", b"gzip"))
    return {**content, "body": short}


def name_tag(scope: Scope, start: Message) -> None:
    """Makes a 304 name the tag of what the client has: that of gzip if it sent that one, and not the other as well or
    takes gzip.

    A cache may use a 304 for nothing but what it has under the tag (RFC 9111, section 4.3.4). How long the content is,
    on which it depends whether it would be compressed, nobody knows here.
    """
    start["headers"] = with_vary(start["headers"], b"Accept-Encoding")
    sent = ",".join(values(scope, b"if-none-match")).encode("latin-1")
    takes = takes_gzip(values(scope, b"accept-encoding"))
    pairs = [(one, _of_gzip(one, 0)) for one in start["headers"]]
    start["headers"] = [new if new[1] in sent and (takes or old[1] not in sent) else old for old, new in pairs]


def takes_gzip(accept_encoding: list[str]) -> bool:
    """Whether these lines of Accept-Encoding allow gzip, and do not put no encoding at all before it."""
    if not accept_encoding:
        return False
    weights: dict[str, float] = {}
    for item in ",".join(accept_encoding).split(","):
        if found := _CODING.fullmatch(item):
            weights.setdefault(found[1].lower().removeprefix("x-"), float(found[2] or 1))
    weight = weights.get("gzip", weights.get("*", 0))
    return weight > 0 and weight >= weights.get("identity", 0)


def _is_json(headers: list[Header]) -> bool:
    """Whether it is JSON that may be compressed and was not yet."""
    kind = b""
    for name, value in headers:
        if name == b"content-type":
            kind = value
        elif name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value):
            return False
    return kind.startswith(b"application/json")


def _gzip(body: bytes) -> bytes:
    """The same bytes for the same content, as a strong ETag promises: without a time."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW, _MEMORY)
    return packing.compress(body) + packing.flush()


def _of_gzip(header: Header, size: int) -> Header:
    """A header as it is once the content is compressed. A weak ETag is one for all encodings."""
    name, value = header
    if name == b"content-length":
        return name, b"%d" % size
    if name == b"etag" and value.startswith(b'"'):
        return name, value[:-1] + _SUFFIX
    return header
