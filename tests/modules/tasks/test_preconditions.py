"""Two tabs cannot overwrite each other's changes to a task unseen."""

from typing import Any

import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem

STALE = "The resource has changed since you read it. Read it again."

each_write = pytest.mark.parametrize(
    ("method", "options", "status"),
    [
        ("PUT", {"json": {"title": "Mine"}}, 200),
        ("PATCH", {"json": {"title": "Mine"}}, 200),
        ("PATCH", {"json": {}}, 200),
        ("DELETE", {}, 204),
    ],
    ids=["put", "patch", "empty-patch", "delete"],
)


@each_write
def test_a_write_on_what_was_read_is_done_in_one_round_trip(
    alice: UserClient, database: TestDatabase, method: str, options: dict[str, Any], status: int
) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    tag = alice.get(path).headers["etag"]
    database.proxy.clear()
    assert alice.request(method, path, headers={"If-Match": tag}, **options).status_code == status
    assert len(database.proxy.queries) == 1, database.proxy.queries


@each_write
def test_a_write_on_what_has_changed_is_rejected(
    alice: UserClient, method: str, options: dict[str, Any], status: int
) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    tag = alice.get(path).headers["etag"]
    changed = alice.patch(path, json={"status": "completed"})
    rejected = alice.request(method, path, headers={"If-Match": tag}, **options)
    assert_problem(rejected, 412, "precondition_failed", title="Precondition failed", detail=STALE)
    assert rejected.headers["etag"] == changed.headers["etag"] != tag
    assert alice.get(path).json() == changed.json()


@each_write
def test_a_precondition_on_what_is_gone_is_not_found(
    alice: UserClient, method: str, options: dict[str, Any], status: int
) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    tag = alice.get(path).headers["etag"]
    alice.delete(path)
    assert_problem(alice.request(method, path, headers={"If-Match": tag}, **options), 404, "not_found")


def test_an_empty_patch_leaves_the_tag_and_a_change_renews_it(alice: UserClient) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    changes: list[dict[str, str]] = [{}, {"title": "Mine"}, {"title": "Mine"}]
    tags = [alice.get(path).headers["etag"], *(alice.patch(path, json=change).headers["etag"] for change in changes)]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
