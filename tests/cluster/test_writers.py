"""Each way in which the tables may differ from what a user was told is seen; needs no cluster."""

from collections import Counter
from typing import Any

import pytest

from tests.cluster.writers import Row, Told, judge

ROW, OTHER = "row", "other"
WRONG = Counter(lost=1, doubled=1, appeared=1)


def found(row: Row, there: tuple[Any, ...] | None, **others: Any) -> Counter[str]:
    """Of a user with one row, which is there as (title, description, version, change); `others` are more rows."""
    tasks = {ROW: there} if there else {}
    told = Told({ROW: row}, others.get("unknown", []), others.get("repeated", []))
    return judge(told, tasks | others.get("tasks", {}), others.get("tombstones", {}), others.get("change", 9)) & WRONG


@pytest.mark.parametrize(
    ("row", "there"),
    [
        (Row("t", 1), ("t", None, 1, 1)),
        (Row("t", 1, told=["a"]), ("t", "a", 2, 2)),
        (Row("t", 1, told=["a"], unknown=["b"]), ("t", "b", 3, 3)),
        (Row("t", 1, deletion=0), ("t", None, 1, 1)),
    ],
)
def test_what_is_as_it_was_said_is_right(row: Row, there: tuple[Any, ...]) -> None:
    assert found(row, there) == Counter()


def test_a_deletion_leaves_a_tombstone() -> None:
    for deletion in (0, 1):
        assert found(Row("t", 1, deletion=deletion), None, tombstones={ROW: 2}) == Counter()
        assert found(Row("t", 1, deletion=deletion), None) == Counter(lost=1)


@pytest.mark.parametrize(
    ("row", "there", "wrong"),
    [
        (Row("t", 1), None, "lost"),
        (Row("t", 1), ("x", None, 1, 1), "lost"),
        (Row("t", 1, told=["a"]), ("t", None, 1, 1), "lost"),
        (Row("t", 1, told=["a", "b"]), ("t", "a", 3, 3), "lost"),
        (Row("t", 1, deletion=1), ("t", None, 1, 1), "lost"),
        (Row("t", 1, told=["a"]), ("t", "a", 3, 3), "doubled"),
    ],
)
def test_a_row_that_is_otherwise_is_found(row: Row, there: tuple[Any, ...] | None, wrong: str) -> None:
    assert found(row, there) == Counter({wrong: 1})


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        ({"tasks": {OTHER: ("t", None, 1, 2)}}, "doubled"),
        ({"tasks": {OTHER: ("nobody's", None, 1, 2)}}, "appeared"),
        ({"tasks": {"b": ("u", None, 1, 2), "c": ("u", None, 1, 3)}, "unknown": ["u"]}, "doubled"),
        ({"repeated": [("a", "b")]}, "doubled"),
        ({"tombstones": {OTHER: 1}}, "doubled"),
        ({"tombstones": {ROW: 2}}, "appeared"),
        ({"change": 0}, "lost"),
    ],
)
def test_what_is_beside_a_row_is_found(others: dict[str, Any], wrong: str) -> None:
    assert found(Row("t", 1), ("t", None, 1, 1), **others) == Counter({wrong: 1})
    assert found(Row("t", 1), ("t", None, 1, 1), unknown=["u"], tasks={OTHER: ("u", None, 1, 2)}) == Counter()
