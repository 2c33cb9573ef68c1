"""Each wall around a resource is seen to be broken by a slice with that mistake."""

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, make_settings
from tests.contract.deleted_accounts import alive
from tests.contract.making import made
from tests.contract.operations import Operation, operations
from tests.contract.planted import PLANTS, router_of
from tests.contract.planted_singles import router as singles
from tests.contract.resource_walls import WALLS, Calls, cases

# By the plant: the wall, and the beginning of what is said.
TOLD = {
    "forgets": {
        "patch_of_nothing": "PATCH {} changes the row",
        "patch_of_one_field": "PATCH of `",
    },
    "unmatched": {"stale_if_match": "a stale If-Match gives 200, not 412"},
    "undeleted": {"stale_if_match": "a stale If-Match gives 204, not 412"},
    "uncounted": {"stale_if_match": "the tag does not grow with each PATCH"},
    "something": {"missing_row": "a missing row gives 200, not 404"},
    "undeclared": {"missing_row": "does not declare 404"},
    "again": {"round_trips": "takes "},
    "upserts": {"put_of_no_row": "PUT on an id that nobody has gives 20"},
    "unput": {"put_of_no_row": "PUT with `If-None-Match: *` declares 201 and gives 404"},
    "renames": {"response_obeys": "/name: not in the document"},
    "unsaid": {"response_obeys": "/: the schema does not say what it is"},
    "naive": {"naive_times": "`due_at` takes a time without a zone"},
    "asking": {"naive_times": "?since= takes a time without a zone"},
    "unasked": {"unasked": "`total` comes unasked"},
    "file": {},
    "otherfile": {"response_obeys": "200 has another media type than the document says"},
    "unheard": {"unasked": "?include_total=true brings no `total`"},
}


@pytest.fixture(scope="module")
def server(database: TestDatabase) -> Iterator[RunningServer]:
    """The application with all plants in it."""
    running = RunningServer(make_settings(), database.proxied_url, *map(router_of, PLANTS), singles)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def published(server: RunningServer) -> list[Operation]:
    """What its document publishes of a user's."""
    document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    return [operation for operation in operations(document) if operation.owned]


def test_every_wall_has_a_plant() -> None:
    assert {wall for told in TOLD.values() for wall in told} == {wall.__name__ for wall in WALLS}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_mistake_is_told(
    plant: str, server: RunningServer, published: list[Operation], database: TestDatabase
) -> None:
    own = [operation for operation in published if f"/{plant}" in operation.path]
    assert len(own) == 6
    with UserClient(server.url) as user:
        told = [
            (wall.__name__, breach)
            for wall, operation in cases(own)
            for breach in wall(Calls(user, database, own), operation)
        ]
    assert bool(told) == bool(TOLD[plant])
    for wall, sentence in TOLD[plant].items():
        assert any(one == wall and breach.startswith(sentence) for one, breach in told), told


def test_what_a_user_has_one_of_is_no_mistake(
    server: RunningServer, published: list[Operation], database: TestDatabase
) -> None:
    own = [operation for operation in published if "/singles/" in operation.path]
    held = list(cases(own))
    assert len(own) == 10
    assert {wall.__name__ for wall, _ in held} == {
        "patch_of_nothing",
        "patch_of_one_field",
        "stale_if_match",
        "response_obeys",
    }
    for wall, operation in held:
        with UserClient(server.url) as user:  # who has none of them yet
            assert list(wall(Calls(user, database, own), operation)) == [], (wall, operation.id)


def test_what_has_to_be_there_is_made_by_a_put_where_nothing_else_makes_it(
    server: RunningServer, published: list[Operation]
) -> None:
    own = [operation for operation in published if "/singles/" in operation.path]
    for operation in own:
        with UserClient(server.url) as user:
            response = user.request(**operation.request(user.user_id, **made(user, own, operation)))
        assert response.is_success, (operation.id, response.text)


def test_only_what_sends_no_sql_may_serve_a_deleted_account(
    server: RunningServer, published: list[Operation], database: TestDatabase
) -> None:
    operations_of = {operation.id: operation for operation in published}
    with UserClient(server.url) as user:
        user.delete("/api/v1/users/me").raise_for_status()
        for name, sends_sql, told in (
            ("listPlantedDays", False, ""),
            ("listPlantedDays", True, "belongs in WITHOUT_SQL"),
            ("getPlantedChoice", True, ""),
            ("getPlantedChoice", False, "take its name out of WITHOUT_SQL"),
            ("getPlantedNumber", True, ""),
            ("getPlantedNumberForNobody", True, "group a sum or a count by the owner"),
            ("getPlantedChoiceTogether", True, "read the row before `_together`"),
        ):
            found = list(alive(user, database, operations_of[name], {}, sends_sql=sends_sql))
            assert bool(found) == bool(told)
            assert all(told in one for one in found)
