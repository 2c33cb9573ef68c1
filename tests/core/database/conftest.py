"""What tests of the way to PostgreSQL share: a database that is cut, paused and counted."""

import pytest

from tests.conftest import TestDatabase
from tests.core.database.database_path import PREPARE
from tests.core.database.prepared_path import MADE


@pytest.fixture(scope="module")
def own(own: TestDatabase) -> TestDatabase:
    """With a table of notes."""
    own.query(PREPARE)
    return own


@pytest.fixture
def marked(own: TestDatabase) -> TestDatabase:
    """With a table of marks, which is new for each test."""
    own.query("DROP TABLE IF EXISTS marks")
    own.query(MADE)
    return own
