"""What a response tells of the row or page that it gives: its entity tag, where it is, where the next page is."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from fastapi import Request

from core.database.text_rows import columns_of
from core.http import context
from core.http.headers import values as values_of
from core.http.responses import Header
from core.resources import preconditions
from core.resources.models import Versioned
from core.resources.pagination import Page


def header_lines(request: Request) -> list[Header]:
    """The header lines for what the endpoint gave. Its rows get their entity tags, where their schema shows them.

    Raises UnchangedError where it is what the client of a GET has already.
    """
    found = context.of(request)
    result = found.result
    number = write_tags(found)
    lines: list[Header] = []
    kind: type = type(result)
    if _is_page(kind) and result.linked and result["next_cursor"]:
        lines.append((b"link", _next(request, result["next_cursor"])))
    if number is None:
        return lines
    etag = found.tags.of(number, _owner(found))
    asks = b"if-none-match" in found.headers and request.method == "GET"
    if asks and preconditions.is_unchanged(values_of(request.scope, b"if-none-match"), etag):
        raise preconditions.UnchangedError(number)
    lines.append((b"etag", etag.encode()))
    if found.makes:
        lines.append((b"location", context.quoted_path(request.scope).encode()))
    return lines


def write_tags(found: context.RequestContext) -> int | None:
    """Writes the rows' tags, and gives the number of the whole: a version, or of the changes that a list has seen."""
    result = found.result
    kind: type = type(result)
    is_page = _is_page(kind)
    number: int | None = None
    rows: Sequence[Any] = ()
    if is_page:
        number, rows = result.change, result["items"]
    elif is_page is not None:
        number, rows = columns_of(result)["version"], (result,)
    elif kind is list:
        rows = _plain_rows(result)
    if found.tags.in_rows and rows:
        ending = found.tags.of_row(_owner(found))
        for row in rows:
            columns = columns_of(row)
            columns["etag"] = f'"{columns["version"]}{ending}'
    return number


def _plain_rows(result: list[Any]) -> list[Any]:
    """Of a list that is no page, those that have a version."""
    return [row for row in result if isinstance(row, Versioned)]


@lru_cache(None)
def _is_page(kind: type) -> bool | None:
    """Whether it is the class of a page or of a row; None for all else, which is told by its content alone."""
    return True if issubclass(kind, Page) else False if issubclass(kind, Versioned) else None


def unchanged(request: Request, error: preconditions.UnchangedError) -> list[Header]:
    """The header lines of a 304."""
    found = context.of(request)
    return [(b"etag", found.tags.of(error.number, _owner(found)).encode())]


def _next(request: Request, cursor: str) -> bytes:
    """The same list from the cursor on (RFC 8288)."""
    parts = request.scope["query_string"].split(b"&")
    kept = [part for part in parts if part and not part.startswith(b"cursor=")]
    query = b"&".join([*kept, b"cursor=" + cursor.encode()])
    return b'<%s?%s>; rel="next"' % (context.quoted_path(request.scope).encode(), query)


def _owner(found: context.RequestContext) -> str:
    return found.principal.tag if found.principal else ""
