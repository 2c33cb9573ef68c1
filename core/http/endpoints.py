"""What an endpoint says of a row: where a new one is, and that there is none."""

from typing import TypeVar

from fastapi import Request, Response

from core.database.text_rows import columns_of
from core.http import context
from core.problems import not_found
from core.resources.models import OwnedTable

T = TypeVar("T")
R = TypeVar("R", bound=OwnedTable)


def found(row: T | None, noun: str) -> T:
    """The row. Raises ProblemError 404, with the noun, where there is none."""
    if row is None:
        raise not_found(noun)
    return row


def located(request: Request, response: Response, row: R) -> R:
    """A row that was made below the request's path: `Location` says where it is."""
    # A user id is any text; a header is not. Added as it is sent, without a look at the others.
    place = f"{context.quoted_path(request.scope)}/{columns_of(row)['id']}"
    response.raw_headers.append((b"location", place.encode()))
    return row
