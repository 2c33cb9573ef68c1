"""Makes requests wait in the database for as long as a test wants."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.conftest import TestDatabase
from tests.waiting import poll

WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@contextmanager
def locked_tasks(database: TestDatabase) -> Iterator[Callable[[], None]]:
    """Every statement on tasks waits, until the function that this gives is called or the block ends."""
    lock = database.connect()
    lock.cursor().execute("LOCK TABLE tasks")
    yield lock.close
    lock.close()


def wait_for_waiting(database: TestDatabase, count: int = 1) -> None:
    """Until so many statements wait for a lock."""
    poll(lambda: len(database.query(WAITING)) >= count)
