"""The headers of a request as ASGI gives them: names in lower case, values as bytes, in the order they came."""

from starlette.types import Scope


def values(scope: Scope, name: bytes) -> list[str]:
    """The value of each line with this name, given in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
