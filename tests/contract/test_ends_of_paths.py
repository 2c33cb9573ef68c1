"""A path ends where it ends: with a line break behind it, it is another one, whichever way serves it."""

import httpx
import pytest

from tests.conftest import UserClient

OPEN = ["/health/live", "/health/ready", "/problems", "/problems/not_found", "/docs", "/openapi.json"]


@pytest.mark.parametrize("path", OPEN)
def test_of_a_public_path_there_is_none_with_a_line_break(api: httpx.Client, path: str) -> None:
    assert [api.get(path).status_code, api.get(f"{path}%0A").status_code] == [200, 404]


def test_of_a_users_path_there_is_none_with_a_line_break(alice: UserClient) -> None:
    task = alice.create_task()
    me, tasks = "/api/v1/users/me", "/api/v1/users/me/tasks"
    # A path of its own is no id; with a line break it is one, and malformed.
    ends = {me: 403, tasks: 404, f"{tasks}/{task['id']}": 400, f"{tasks}/counts": 400, f"{tasks}/changes": 400}
    assert {path: alice.get(f"{path}%0A").status_code for path in ends} == ends
    assert alice.delete(f"{tasks}%0A?id={task['id']}").status_code == 404
    assert alice.put(f"{tasks}/counts%0A", json={"title": "a"}).status_code == 400
    assert alice.get(f"{tasks}/{task['id']}").json() == task
