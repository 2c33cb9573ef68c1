"""The account itself: each way in which a write may differ from what was said of it is seen."""

from collections import Counter

import pytest

from tests.faults.ledger import Facts, Outcome, Verdict, Write, judge

ACKNOWLEDGED, REJECTED, UNKNOWN = Outcome.ACKNOWLEDGED, Outcome.REJECTED, Outcome.UNKNOWN
KEY = ("ann", "k")


def facts(
    written: dict[str, int] | None = None,
    *,
    there: dict[str, str] | None = None,
    latest: dict[str, str] | None = None,
    deleted: tuple[str, ...] = (),
    keys: tuple[tuple[str, str], ...] = (KEY,),
) -> Facts:
    """What a database has, by mark and by row."""
    rows = {"row": "mark"} if there is None else there
    return Facts(Counter(written or {}), set(deleted), rows, {"row": "mark"} if latest is None else latest, set(keys))


def create(outcome: Outcome, *, key: str | None = None, named: tuple[str, ...] = ()) -> Write:
    return Write("create", "ann", "mark", outcome, "row", key, set(named))


def delete(outcome: Outcome) -> Write:
    return Write("delete", "ann", "other", outcome, "row")


CASES = {
    "acknowledged and there": (create(ACKNOWLEDGED), facts({"mark": 1}), {}),
    "acknowledged and never done": (create(ACKNOWLEDGED), facts(), {"lost": 1}),
    "acknowledged, done, and gone": (create(ACKNOWLEDGED), facts({"mark": 1}, there={}), {"lost": 1}),
    "acknowledged and deleted later": (create(ACKNOWLEDGED), facts({"mark": 1}, there={}, deleted=("row",)), {}),
    "acknowledged and put back": (create(ACKNOWLEDGED), facts({"mark": 1}, there={"row": "older"}), {"lost": 1}),
    "acknowledged, its key gone": (create(ACKNOWLEDGED, key="k"), facts({"mark": 1}, keys=()), {"lost": 1}),
    "deleted and still there": (delete(ACKNOWLEDGED), facts({"mark": 1}), {"lost": 1}),
    "deleted": (delete(ACKNOWLEDGED), facts({"mark": 1}, there={}, deleted=("row",)), {}),
    "rejected and not done": (create(REJECTED), facts(), {}),
    "rejected and done": (create(REJECTED), facts({"mark": 1}), {"appeared": 1}),
    "unknown and not done": (create(UNKNOWN), facts(), {}),
    "unknown and done": (create(UNKNOWN), facts({"mark": 1}), {"unknown_done": 1}),
    "unknown with a key": (create(UNKNOWN, key="k"), facts(), {"unsettled": 1}),
    "done twice": (create(ACKNOWLEDGED), facts({"mark": 2}), {"doubled": 1}),
    "unknown and done twice": (create(UNKNOWN), facts({"mark": 2}), {"unknown_done": 1, "doubled": 1}),
    "two rows for one key": (
        create(ACKNOWLEDGED, key="k", named=("row", "another")),
        facts({"mark": 1}),
        {"doubled": 1},
    ),
}


@pytest.mark.parametrize(("write", "found", "counted"), CASES.values(), ids=CASES)
def test_a_write_is_counted_as_what_became_of_it(write: Write, found: Facts, counted: dict[str, int]) -> None:
    expected = Verdict(**{write.outcome.value: 1, "keyed": int(write.key is not None), **counted})
    assert judge([write], found) == expected
