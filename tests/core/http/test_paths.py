"""The fast path finds the operation that FastAPI's router would: the first declared that fits, among many."""

import random
from itertools import product

import pytest
from starlette.routing import Match, Route
from starlette.types import Scope

from core.http.paths import Paths, fixed_before
from tests.core.http.count_calls import Counter

NAMES = ["a", "b", "{x}", "{y}"]
METHODS = ["GET", "PUT"]


async def _nothing() -> None: ...


def _declared(seed: int) -> list[tuple[str, str]]:
    """Templates with a method each, some of them twice under other names of their parameters, in any order."""
    chosen = random.Random(seed)
    templates = [f"/{'/'.join(parts)}" for length in (1, 2, 3) for parts in product(NAMES, repeat=length)]
    plain = [one for one in templates if one.count("{x}") < 2 and one.count("{y}") < 2]
    return [(template, chosen.choice(METHODS)) for template in chosen.choices(plain, k=12)]


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_one_that_the_router_finds(seed: int) -> None:
    declared = _declared(seed)
    paths: Paths[int] = Paths()
    for number, (template, method) in enumerate(declared):
        paths.add(template, {method: number})
    routes = [Route(template, _nothing, methods=[method]) for template, method in declared]

    for length in (1, 2, 3):
        for parts, method in product(product(["a", "b", "c", ""], repeat=length), METHODS):
            scope = {"type": "http", "path": f"/{'/'.join(parts)}", "method": method}
            found = paths.find(scope)
            matches = [(number, route.matches(scope)) for number, route in enumerate(routes)]
            wanted = next(((number, child) for number, (match, child) in matches if match is Match.FULL), None)
            assert (found, scope.get("path_params")) == (
                (None, None) if wanted is None else (wanted[0], wanted[1]["path_params"])
            )


def _of_slices(count: int) -> Paths[str]:
    paths: Paths[str] = Paths()
    for number in range(count):
        paths.add(f"/users/{{user_id}}/things{number}", {"GET": f"list {number}"})
        paths.add(f"/users/{{user_id}}/things{number}/counts", {"GET": f"counts {number}"})
        paths.add(f"/users/{{user_id}}/things{number}/{{thing_id}}", {"GET": f"get {number}"})
    return paths


def _calls(paths: Paths[str], number: int) -> int:
    scope: Scope = {"path": f"/users/me/things{number}/7", "method": "GET"}
    with Counter() as counter:
        found = paths.find(scope)
    assert found == f"get {number}"
    assert scope["path_params"] == {"user_id": "me", "thing_id": "7"}
    return counter.calls


def test_the_last_of_a_hundred_slices_is_found_as_fast_as_the_only_one() -> None:
    assert _calls(_of_slices(100), 99) == _calls(_of_slices(1), 0)


def test_a_path_is_fixed_before_those_that_have_a_parameter_there_and_come_later() -> None:
    templates = ["/u/{a}/t", "/u/me/t", "/u/{a}/t/counts", "/u/{a}/t/{b}", "/u/{a}/t/{b}", "/u/{a}/{x:path}", "/v/{b}"]
    assert fixed_before(templates) == {
        "/u/{a}/t": [],
        "/u/me/t": [],  # comes too late: nothing is found there
        "/u/{a}/t/counts": [],
        "/u/{a}/t/{b}": ["/u/{a}/t/counts"],
        "/u/{a}/{x:path}": ["/u/{a}/t"],
        "/v/{b}": [],
    }
