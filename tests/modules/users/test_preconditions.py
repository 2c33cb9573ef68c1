"""A profile that changed since it was read is neither overwritten nor deleted unseen."""

from typing import Any

import pytest

from tests.conftest import UserClient, assert_problem

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
