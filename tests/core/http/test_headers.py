"""The values of a header are those of all its lines, whatever a layer of the application has made of them."""

from typing import Any, cast

import pytest

from core.http import context, headers
from core.http.context import Services

NAME = b"authorization"


def scope_of(*lines: tuple[bytes, bytes]) -> dict[str, Any]:
    """Of a request that has begun."""
    scope: dict[str, Any] = {"type": "http", "headers": [(b"host", b"localhost"), *lines]}
    services = cast(Services, type("_", (), {"database": None}))
    context.begin(scope, services, "id", dict(scope["headers"]))
    return scope


@pytest.mark.parametrize("given", [[], [b"one"], [b"one", b"two"], [b"\xe9"]])
def test_each_line_counts(given: list[bytes]) -> None:
    scope = scope_of(*((NAME, one) for one in given))
    assert headers.values(scope, NAME) == [one.decode("latin-1") for one in given]


def test_a_layer_may_give_others() -> None:
    scope = scope_of((NAME, b"one"), (b"cookie", b"two"))
    scope["headers"] = [(NAME, b"two"), (b"host", b"localhost"), (b"cookie", b"")]
    assert headers.values(scope, NAME) == ["two"]


def test_a_layer_may_add_one() -> None:
    scope = scope_of()
    scope["headers"].append((NAME, b"added"))
    assert headers.values(scope, NAME) == ["added"]
