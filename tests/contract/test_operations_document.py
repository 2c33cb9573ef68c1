"""The statements of docs/operations.md, run as they stand there."""

import re
from collections.abc import Callable

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, project_root

STATEMENTS: list[str] = re.findall(r"```sql\n(.*?)```", (project_root() / "docs/operations.md").read_text(), re.DOTALL)


def _only(word: str) -> str:
    (found,) = [sql for sql in STATEMENTS if word in sql]
    return found


def test_the_statements_do_what_the_document_says(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own = make_database()
    with UserClient(start_server(database=own).url) as caller:
        tasks = [caller.create_task() for _ in range(4)]
        _rename_the_history(caller, own)
        _remove_old_keys(caller, own)
        _forget_old_deletions(caller, own, tasks)


def _rename_the_history(caller: UserClient, own: TestDatabase) -> None:
    cursor = _cursor(caller)
    own.query(_only("sync_history"))
    assert_problem(caller.get(f"{caller.tasks}/changes", params={"cursor": cursor}), 410, "cursor_expired")
    assert _cursor(caller) != cursor


def _remove_old_keys(caller: UserClient, own: TestDatabase) -> None:
    for key in ("old", "young"):
        caller.patch("/api/v1/users/me", json={"name": key}, headers={"Idempotency-Key": key})
    own.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'")
    own.query(_only("idempotency_keys"))
    assert own.query("SELECT key FROM idempotency_keys") == [("young",)]


def _forget_old_deletions(caller: UserClient, own: TestDatabase, tasks: list[dict[str, str]]) -> None:
    before = _cursor(caller)
    for task in tasks[:2]:
        assert caller.delete(f"{caller.tasks}/{task['id']}").status_code == 204
    between = _cursor(caller)
    for task in tasks[2:]:
        assert caller.delete(f"{caller.tasks}/{task['id']}").status_code == 204
    own.query(
        "UPDATE tombstones SET deleted_at = now() - interval '31 days' WHERE id = ANY(%s::uuid[])",
        [task["id"] for task in tasks[:2]],
    )
    own.query(_only("tombstones"))
    assert own.query("SELECT count(*) FROM tombstones") == [(2,)]
    assert_problem(caller.get(f"{caller.tasks}/changes", params={"cursor": before}), 410, "cursor_expired")
    page = caller.get(f"{caller.tasks}/changes", params={"cursor": between}).json()
    assert page["deleted"] == [task["id"] for task in tasks[2:]]


def _cursor(caller: UserClient) -> str:
    cursor: str = caller.get(f"{caller.tasks}/changes").json()["next_cursor"]
    return cursor
