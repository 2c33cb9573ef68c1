"""Cells: what is written in one place is read by all, what has no room does no harm, and labels are quoted."""

import os

from prometheus_client.parser import text_string_to_metric_families

from core.metrics.cells import CELLS, NAME_BYTES, Cells
from core.metrics.exposition import exposition
from core.metrics.families import DURATIONS, KEY_AGE, PROBLEMS


def _values(cells: Cells) -> dict[str, float]:
    """The first number of each name, of all workers together."""
    found: dict[str, float] = {}
    for name, numbers in cells.read():
        found["/".join(name)] = found.get("/".join(name), 0) + numbers[0]
    return found


def test_who_takes_the_place_of_a_process_counts_on_from_where_it_was() -> None:
    cells = Cells(2)
    cells.numbers[cells.at("x", "first")] += 1
    for _ in range(2):
        child = os.fork()
        if not child:
            cells.take(1)
            cells.numbers[cells.at("x", "first")] += 10
            cells.numbers[cells.at("x", f"{os.getppid()}")] += 100
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert _values(cells) == {"x/first": 21, f"x/{os.getpid()}": 200}


def test_what_has_no_room_any_more_changes_nothing_of_what_has() -> None:
    cells = Cells(2)
    for number in range(CELLS + 50):
        cells.numbers[cells.at("x", str(number))] += 1
    assert _values(cells) == {f"x/{number}": 1 for number in range(CELLS - 1)}
    cells.take(1)
    assert cells.at("y") != cells.at("z"), "the next worker's are its own"


def test_a_name_that_is_too_long_is_cut() -> None:
    cells = Cells(1)
    cells.numbers[cells.at("x", "é" * NAME_BYTES)] += 1
    ((name, numbers),) = cells.read()
    assert len("/".join(name).encode()) <= NAME_BYTES + 2
    assert numbers[0] == 1


def test_labels_are_quoted_and_ages_are_not_added() -> None:
    cells = Cells(2)
    route = '/a "quoted" \\ and\nbroken'
    for place, age in ((0, 30.0), (1, 20.0)):
        cells.take(place)
        cells.numbers[cells.at(DURATIONS, "GET", route, "200")] += 1
        cells.numbers[cells.at(PROBLEMS, "overloaded")] += 2
        cells.numbers[cells.at(KEY_AGE)] = age
    found = {
        (sample.name, sample.labels.get("http_route"), sample.labels.get("le")): sample.value
        for family in text_string_to_metric_families(exposition(cells, 0.0))
        for sample in family.samples
    }
    assert found[f"{DURATIONS}_count", route, None] == 2
    assert found[f"{DURATIONS}_bucket", route, "0.001"] == found[f"{DURATIONS}_bucket", route, "+Inf"] == 2
    assert found[PROBLEMS, None, None] == 4
    assert found[KEY_AGE, None, None] == 30
