"""What a response tells of the row or page that it gives: its entity tag, where it is, where the next page is."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request

from core.http import context
from core.http.headers import values as values_of
from core.http.responses import Header
from core.resources import preconditions
from core.resources.models import Versioned
from core.resources.pagination import Page


def note(found: context.RequestContext, result: Any) -> None:
    """Keeps what the endpoint gave, and writes the entity tag of each row where its schema shows it."""
    found.result = result
    if found.tags.in_rows:
        ending = found.tags.of_row(_owner(found))
        for row in _rows(result):
            columns = row.__dict__
            columns["etag"] = f'"{columns["version"]}{ending}'


def described(request: Request) -> list[Header]:
    """The header lines for what the endpoint gave.

    Raises UnchangedError where it is what the client of a GET has already.
    """
    found = context.of(request)
    result, lines = found.result, list[Header]()
    if isinstance(result, Page) and result.linked and result.get("next_cursor"):
        lines.append((b"link", _next(request, result["next_cursor"])))
    number = _number(result)
    if number is None:
        return lines
    etag = found.tags.of(number, _owner(found))
    asks = request.method == "GET" and b"if-none-match" in found.headers
    if asks and preconditions.is_unchanged(values_of(request.scope, b"if-none-match"), etag):
        raise preconditions.UnchangedError(number)
    lines.append((b"etag", etag.encode()))
    if found.makes:
        lines.append((b"location", quote(request.scope["path"]).encode()))
    return lines


def unchanged(request: Request, error: preconditions.UnchangedError) -> list[Header]:
    """The header lines of a 304."""
    found = context.of(request)
    return [(b"etag", found.tags.of(error.number, _owner(found)).encode())]


def _next(request: Request, cursor: str) -> bytes:
    """The same list from the cursor on (RFC 8288)."""
    parts = request.scope["query_string"].split(b"&")
    kept = [part for part in parts if part and not part.startswith(b"cursor=")]
    query = b"&".join([*kept, b"cursor=" + cursor.encode()])
    return b'<%s?%s>; rel="next"' % (quote(request.scope["path"]).encode(), query)


def _owner(found: context.RequestContext) -> str:
    return found.principal.tag if found.principal else ""


def _rows(result: Any) -> Sequence[Any]:
    if isinstance(result, Versioned):
        return (result,)
    return result["items"] if isinstance(result, Page) else ()


def _number(result: Any) -> int | None:
    """What the entity tag is made of: the version of a row, or the number of changes that a list has seen."""
    if isinstance(result, Versioned):
        return result.version
    return result.change if isinstance(result, Page) else None
