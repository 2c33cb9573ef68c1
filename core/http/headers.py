"""Headers as ASGI gives and takes them: names in lower case, values as bytes, in the order they came."""

from starlette.types import Scope

from core.http.context import in_scope
from core.http.responses import Header


def values(scope: Scope, name: bytes) -> list[str]:
    """The value of each line of a request with this name, given in lower case."""
    lines, found = scope["headers"], in_scope(scope)
    if lines is found.lines and len(lines) == len(found.headers):  # no name came twice, and no layer changed a line
        value = found.headers.get(name)
        return [] if value is None else [value.decode("latin-1")]
    return [value.decode("latin-1") for key, value in lines if key == name]


def with_vary(headers: list[Header], *names: bytes) -> list[Header]:
    """The headers of a response, with `names` in Vary. In one line: nginx before 1.23 heeds but one of several."""
    given = [value for key, value in headers if key == b"vary"]
    if not given:
        return [*headers, (b"vary", b", ".join(names))]
    listed = {name.strip().lower() for value in given for name in value.split(b",")}
    added = [name for name in names if name.lower() not in listed]
    return [*(one for one in headers if one[0] != b"vary"), (b"vary", b", ".join([*given, *added]))]
