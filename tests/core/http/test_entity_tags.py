"""One tag for one person: what several people read at one address has a tag of its own for each of them."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from core.tokens.verifier import Principal
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem

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


def test_a_tag_is_version_owner_and_schema(alice: UserClient) -> None:
    owner = base64.urlsafe_b64encode(hashlib.sha256(alice.user_id.encode()).digest()[:8]).rstrip(b"=").decode()
    created = alice.post(alice.tasks, json={"title": "x"}, headers={"Idempotency-Key": "key"})
    repeated = alice.post(alice.tasks, json={"title": "x"}, headers={"Idempotency-Key": "key"})
    task = alice.get(created.headers["location"])
    profile = re.fullmatch(rf'"1-{owner}\.([0-9a-f]{{8}})"', alice.get(ME).headers["etag"])
    of_task = re.fullmatch(rf'"1-{owner}\.([0-9a-f]{{8}})"', task.headers["etag"])
    assert profile is not None
    assert of_task is not None
    assert profile[1] != of_task[1]
    assert {one.headers["etag"] for one in (created, repeated, task)} == {task.headers["etag"]}
    assert {one.json()["etag"] for one in (created, repeated, task)} == {task.headers["etag"]}
    assert alice.get(alice.tasks).json()["items"] == [task.json()]
    assert re.fullmatch(r"[\w-]{11}", owner)


def test_a_list_that_was_read_by_another_release_is_read_again(alice: UserClient) -> None:
    """It has a field less, or more, than what a 304 would leave the client with."""
    alice.create_task()
    tag = alice.get(alice.tasks).headers["etag"]
    other = re.sub(r'\.[0-9a-f]{8}"$', '.00000000"', tag)
    assert alice.get(alice.tasks, headers={"If-None-Match": tag}).status_code == 304
    assert alice.get(alice.tasks, headers={"If-None-Match": other}).status_code == 200


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
    for form in ('"1-"', '"1-x"', '"1--"', f'"01{alice.etag(1)[2:]}'):
        assert_problem(alice.patch(address, json={}, headers={"If-Match": form}), 412, "precondition_failed")


def test_of_many_people_no_two_share_a_tag() -> None:
    """Also where their ids are numbers, one after the other."""
    assert len({Principal(str(number)).tag for number in range(PEOPLE)}) == PEOPLE


def test_a_list_that_has_not_changed_is_not_read(alice: UserClient, database: TestDatabase) -> None:
    tasks = [alice.create_task() for _ in range(3)]
    for query in ("", "?sort=title", "?status=completed", f"?q={uuid4()}"):
        address = alice.tasks + query
        first = alice.get(address)
        database.proxy.clear()
        same = alice.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
        assert [sql for sql in database.proxy.queries if "todo.tasks" in sql] == []
        weakened = alice.get(address, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        assert weakened.status_code == 304
    alice.delete(f"{alice.tasks}/{tasks[0]['id']}")
    changed = alice.get(alice.tasks, headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, len(changed.json()["items"])) == (200, 2)
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("fast", [True, False])
def test_every_write_changes_the_tag_of_every_list(start_server: Callable[..., RunningServer], fast: bool) -> None:
    with UserClient(start_server(fast_path=fast).url) as user:
        path, seen = "", list[str]()
        for method, headers in (
            *(("POST", {}), ("POST", {"Idempotency-Key": "a"}), ("NEW", {"If-None-Match": "*"})),
            *(("PUT", {}), ("PATCH", {}), ("DELETE", {})),
        ):
            address = user.tasks if method == "POST" else f"{user.tasks}/{uuid4()}" if method == "NEW" else path
            sent = None if method == "DELETE" else {"title": "a"}
            written = user.request(method.replace("NEW", "PUT"), address, headers=headers, json=sent)
            assert written.is_success
            path = written.headers.get("location", path)
            responses = [user.get(user.tasks), user.get(user.tasks, params={"limit": 1, "include_total": True})]
            assert len({response.headers["etag"] for response in responses}) == 1
            seen.append(responses[0].headers["etag"])
            assert user.get(user.tasks, headers={"If-None-Match": seen[-1]}).status_code == 304
        assert len(set(seen)) == len(seen)


def test_a_lists_tag_is_its_owners(alice: UserClient, bob: UserClient) -> None:
    alice.create_task()
    bob.create_task()
    hers = alice.get("/api/v1/users/me/tasks").headers["etag"]
    assert bob.get("/api/v1/users/me/tasks", headers={"If-None-Match": hers}).status_code == 200
    assert bob.get("/api/v1/users/me/tasks").headers["etag"] != hers


def test_a_list_without_tasks_has_a_tag_as_well(alice: UserClient, database: TestDatabase) -> None:
    """Of somebody who was here before: who never was has no changes to count."""
    assert "etag" not in alice.get(alice.tasks).headers
    alice.delete(f"{alice.tasks}/{alice.create_task()['id']}")
    database.proxy.clear()
    empty = alice.get(alice.tasks)
    assert len(database.proxy.queries) == 3  # the page, the number, and the page that has seen as much as that
    assert alice.get(alice.tasks, headers={"If-None-Match": empty.headers["etag"]}).status_code == 304
    alice.create_task()
    assert alice.get(alice.tasks, headers={"If-None-Match": empty.headers["etag"]}).status_code == 200


def test_what_a_list_gave_can_be_changed_at_once(alice: UserClient) -> None:
    alice.create_task()
    (listed,) = alice.get(alice.tasks).json()["items"]
    path = f"{alice.tasks}/{listed['id']}"
    changed = alice.patch(path, json={"title": "New"}, headers={"If-Match": listed["etag"]})
    assert (changed.status_code, changed.json()["etag"]) == (200, alice.get(path).headers["etag"])
    assert_problem(alice.patch(path, json={}, headers={"If-Match": listed["etag"]}), 412, "precondition_failed")


def test_the_next_page_is_linked(alice: UserClient) -> None:
    for _ in range(3):
        alice.create_task()
    query = {"limit": "1", "sort": "title", "q": "r the p"}
    response = alice.get(alice.tasks, params=query)
    titles = [response.json()["items"][0]["id"]]
    while "next" in response.links:
        response = alice.get(response.links["next"]["url"])
        titles += [task["id"] for task in response.json()["items"]]
    assert len(set(titles)) == len(titles) == 3
    assert "link" not in response.headers


def test_a_wrong_cursor_is_wrong_also_for_who_has_the_list(alice: UserClient) -> None:
    """A precondition is looked at where the response would be a good one (RFC 9110, section 13.2.1)."""
    alice.create_task()
    has = {"If-None-Match": alice.get(alice.tasks).headers["etag"]}
    assert alice.get(alice.tasks, headers=has).status_code == 304
    assert_problem(alice.get(alice.tasks, params={"cursor": "garbage"}, headers=has), 400, "validation_failed")
