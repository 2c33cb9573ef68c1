"""A profile that changed since it was read is neither overwritten nor deleted unseen."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest

from tests.conftest import TestDatabase, UserClient, assert_problem
from tests.core.database.locks import wait_for_waiting

ME = "/api/v1/users/me"
STALE = "The resource has changed since you read it. Read it again."

each_write = pytest.mark.parametrize(
    ("method", "options", "status"),
    [("PATCH", {"json": {"name": "Mine"}}, 200), ("PATCH", {"json": {}}, 200), ("DELETE", {}, 204)],
    ids=["patch", "empty-patch", "delete"],
)


@each_write
def test_a_write_on_what_was_read_is_done(alice: UserClient, method: str, options: dict[str, Any], status: int) -> None:
    tag = alice.get(ME).headers["etag"]
    assert alice.request(method, ME, headers={"If-Match": tag}, **options).status_code == status


@each_write
def test_a_write_on_what_has_changed_is_rejected(
    alice: UserClient, method: str, options: dict[str, Any], status: int
) -> None:
    tag = alice.get(ME).headers["etag"]
    changed = alice.patch(ME, json={"name": "Other tab"})
    rejected = alice.request(method, ME, headers={"If-Match": tag}, **options)
    assert_problem(rejected, 412, "precondition_failed", title="Precondition failed", detail=STALE)
    assert rejected.headers["etag"] == changed.headers["etag"] != tag
    assert alice.get(ME).json() == changed.json()


def test_who_was_not_seen_before_has_the_first_version(alice: UserClient) -> None:
    assert_problem(alice.delete(ME, headers={"If-Match": '"2"'}), 412, "precondition_failed")
    assert alice.delete(ME, headers={"If-Match": '"1"'}).status_code == 204


def test_a_profile_that_changes_while_it_is_deleted_stays(alice: UserClient, database: TestDatabase) -> None:
    tag = alice.get(ME).headers["etag"]
    with psycopg2.connect(database.url) as other, ThreadPoolExecutor(1) as threads:
        change = "UPDATE todo.users SET name = 'Other tab', version = version + 1 WHERE id = %s"
        other.cursor().execute(change, (alice.user_id,))
        rejected = threads.submit(alice.delete, ME, headers={"If-Match": tag})
        wait_for_waiting(database)
        other.commit()
        assert_problem(rejected.result(), 412, "precondition_failed", detail=STALE)
    other.close()
    assert alice.get(ME).json()["name"] == "Other tab"
