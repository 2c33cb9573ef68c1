"""The image, built once; and what stands around it in production."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.deploy.image.arrangement import Arrangement
from tests.deploy.image.podman import Podman, UnavailableError
from tests.faults.conftest import Say, say

__all__ = ["Say", "say"]


@pytest.fixture(scope="session")
def podman(say: Say) -> Iterator[Podman]:
    """With the image in its store; whoever needs it is left out, with the reason, where it cannot be built."""
    try:
        made = Podman()
    except UnavailableError as error:
        pytest.skip(f"no image is built: {error}")
    try:
        try:
            base = made.make_base()
        except UnavailableError as error:
            pytest.skip(f"no image is built, as there is no base: {error}")
        made.build(base)
        say("the image is built")
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def arrangement(podman: Podman) -> Iterator[Arrangement]:
    """PostgreSQL, PgBouncer, two containers, nginx."""
    with tempfile.TemporaryDirectory(prefix="todo-api-operations-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with ExitStack() as ends:
            yield Arrangement(Path(folder), ends, podman)
