"""Tests wait for what they ask for: a wait that ends at once proves nothing."""

from collections.abc import Iterator

from tests.waiting import poll


def test_a_wait_ends_with_something_and_not_before() -> None:
    given: Iterator[object] = iter([None, False, 0, "", [], {}, "there"])
    assert poll(lambda: next(given)) == "there"
