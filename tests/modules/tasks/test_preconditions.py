"""Two tabs cannot overwrite each other's changes to a task unseen."""

from typing import Any

import pytest

from tests.conftest import Caller, TestDatabase, assert_problem

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
    alice: Caller, database: TestDatabase, method: str, options: dict[str, Any], status: int
) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    tag = alice.get(path).headers["etag"]
    database.proxy.clear()
    assert alice.request(method, path, headers={"If-Match": tag}, **options).status_code == status
    assert len(database.proxy.queries) == 1, database.proxy.queries


@each_write
def test_a_write_on_what_has_changed_is_refused(
    alice: Caller, method: str, options: dict[str, Any], status: int
) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    tag = alice.get(path).headers["etag"]
    changed = alice.patch(path, json={"status": "completed"})
    refused = alice.request(method, path, headers={"If-Match": tag}, **options)
    assert_problem(refused, 412, "precondition_failed", title="Precondition failed", detail=STALE)
    assert refused.headers["etag"] == changed.headers["etag"] != tag
    assert alice.get(path).json() == changed.json()


@each_write
def test_a_precondition_on_what_is_gone_is_not_found(
    alice: Caller, method: str, options: dict[str, Any], status: int
) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    tag = alice.get(path).headers["etag"]
    alice.delete(path)
    assert_problem(alice.request(method, path, headers={"If-Match": tag}, **options), 404, "not_found")


def test_an_empty_patch_leaves_the_tag_and_a_change_renews_it(alice: Caller) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    changes: list[dict[str, str]] = [{}, {"title": "Mine"}, {"title": "Mine"}]
    tags = [alice.get(path).headers["etag"], *(alice.patch(path, json=change).headers["etag"] for change in changes)]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
