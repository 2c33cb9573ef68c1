"""Copies of the project, each with a database of its own, all of whose processes are ended afterwards."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.project import Project


@pytest.fixture
def project() -> Iterator[Project]:
    """A fresh copy. Not below pytest's own folder, which another run closes to the database's user."""
    with tempfile.TemporaryDirectory(prefix="todo-", ignore_cleanup_errors=True) as root:
        made = Project(Path(root))
        made.copy()
        yield made
        made.kill_everything()
