"""One tag for one person: what several people read at one address has a tag of its own for each of them."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from core.tokens.verifier import Principal
from tests.conftest import TestDatabase, UserClient, assert_problem

ME = "/api/v1/users/me"
PEOPLE = 1000


def shared_task(database: TestDatabase, *users: UserClient) -> str:
    """The address of a task that each of them has under the same id, as ids that clients make would allow."""
    task_id = uuid4()
    for user in users:
        assert user.get(ME).status_code == 200
        sql = "INSERT INTO tasks (user_id, id, title, status) VALUES (%s, %s, %s, 'pending')"
        database.query(sql, user.user_id, str(task_id), f"Of {user.user_id}")
    return f"{ME}/tasks/{task_id}"


@pytest.fixture(params=["profile", "task"])
def address(request: pytest.FixtureRequest, alice: UserClient, bob: UserClient, database: TestDatabase) -> str:
    """What both read at one address, in the same version."""
    return ME if request.param == "profile" else shared_task(database, alice, bob)


def test_a_tag_is_version_and_owner(alice: UserClient) -> None:
    owner = base64.urlsafe_b64encode(hashlib.sha256(alice.user_id.encode()).digest()[:8]).rstrip(b"=").decode()
    created = alice.post(alice.tasks, json={"title": "x"}, headers={"Idempotency-Key": "key"})
    repeated = alice.post(alice.tasks, json={"title": "x"}, headers={"Idempotency-Key": "key"})
    responses = [alice.get(ME), created, repeated, alice.get(created.headers["location"])]
    assert [response.headers["etag"] for response in responses] == [f'"1-{owner}"'] * 4
    assert re.fullmatch(r"[\w-]{11}", owner)


def test_ones_tag_is_never_somebody_elses(alice: UserClient, bob: UserClient, address: str) -> None:
    """Else a cache that goes by the address alone would show Alice's row to Bob as what he has."""
    hers, his = alice.get(address), bob.get(address)
    assert hers.headers["etag"] != his.headers["etag"]
    for form in ("{}", "W/{}", '"x", {}'):
        unchanged = {"If-None-Match": form.format(hers.headers["etag"])}
        assert alice.get(address, headers=unchanged).status_code == 304
        response = bob.get(address, headers=unchanged)
        assert (response.status_code, response.json(), response.headers["etag"]) == (
            200,
            his.json(),
            his.headers["etag"],
        )


@pytest.mark.parametrize(
    ("method", "sent"), [("PATCH", {"json": {"name": "New"}}), ("PATCH", {"json": {}}), ("DELETE", {})]
)
def test_nobody_writes_by_somebody_elses_tag(
    alice: UserClient, bob: UserClient, database: TestDatabase, method: str, sent: Mapping[str, Any]
) -> None:
    task = shared_task(database, alice, bob)
    sent_to_task = {"json": {"title": "New"}} if sent else {}
    for address, body in ((task, sent_to_task), (ME, sent)):
        tag, before = alice.get(address).headers["etag"], bob.get(address)
        rejected = bob.request(method, address, headers={"If-Match": tag}, **body)
        assert_problem(rejected, 412, "precondition_failed")
        assert rejected.headers["etag"] == before.headers["etag"]
        assert bob.get(address).json() == before.json()
    for address, body in ((task, sent_to_task), (ME, sent)):
        tags = f"{alice.get(address).headers['etag']}, {bob.get(address).headers['etag']}"
        assert bob.request(method, address, headers={"If-Match": tags}, **body).is_success


def test_a_version_alone_allows_a_write_and_is_no_reason_to_send_nothing(alice: UserClient, address: str) -> None:
    """As tags were, and as a client may have kept them: the row is the user's own in any case."""
    assert alice.get(address, headers={"If-None-Match": '"1"'}).status_code == 200
    assert alice.patch(address, json={}, headers={"If-Match": '"1"'}).status_code == 200
    assert_problem(alice.patch(address, json={}, headers={"If-Match": '"2"'}), 412, "precondition_failed")
    for form in ('"1-"', '"1-x"', '"1--"', f'{alice.etag(1)[:-1]}x"', f'"01{alice.etag(1)[2:]}'):
        assert_problem(alice.patch(address, json={}, headers={"If-Match": form}), 412, "precondition_failed")


def test_of_many_people_no_two_share_a_tag() -> None:
    """Also where their ids are numbers, one after the other."""
    assert len({Principal(str(number)).tag for number in range(PEOPLE)}) == PEOPLE
