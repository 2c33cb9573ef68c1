"""The statements of docs/operations.md, run as they stand there."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from core.config import NAME
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, project_root
from tests.waiting import poll

STATEMENTS: list[str] = re.findall(r"```sql\n(.*?)```", (project_root() / "docs/operations.md").read_text(), re.DOTALL)


def _only(word: str) -> str:
    (found,) = [sql for sql in STATEMENTS if word in sql]
    return found


def test_the_statements_do_what_the_document_says(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own = make_database()
    with UserClient(start_server(database=own).url) as user:
        tasks = [user.create_task() for _ in range(4)]
        _rename_the_history(user, own)
        _remove_old_keys(user, own)
        _forget_old_deletions(user, own, tasks)


def test_who_holds_a_lock_is_found_as_the_document_says(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own = make_database()
    with UserClient(start_server(database=own).url) as user, closing(own.connect()) as holder:
        url = f"{user.tasks}/{user.create_task()['id']}"
        with holder.cursor() as cursor, ThreadPoolExecutor(1) as pool:
            cursor.execute("SELECT * FROM tasks FOR UPDATE")
            change = pool.submit(user.patch, url, json={"title": "changed"})
            holds, waits = poll(lambda: _both(own.query(_only("pg_blocking_pids"))))
            assert (holds[0], holds[4], holds[6]) == (holder.get_backend_pid(), "idle in transaction", [])
            assert (waits[2], waits[6]) == (NAME, [holds[0]])
            own.query("SELECT pg_terminate_backend(%s)", holds[0])
            assert change.result().json()["title"] == "changed"


def _both(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]] | None:
    return found if len(found) == 2 and found[1][6] else None


def _rename_the_history(user: UserClient, own: TestDatabase) -> None:
    cursor = _cursor(user)
    own.query(_only("UPDATE todo.sync_history"))
    assert_problem(user.get(f"{user.tasks}/changes", params={"cursor": cursor}), 410, "cursor_expired")
    assert _cursor(user) != cursor


def _remove_old_keys(user: UserClient, own: TestDatabase) -> None:
    for key in ("old", "young"):
        user.patch("/api/v1/users/me", json={"name": key}, headers={"Idempotency-Key": key})
    own.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'")
    own.query(_only("DELETE FROM todo.idempotency_keys"))
    assert own.query("SELECT key FROM idempotency_keys") == [("young",)]


def _forget_old_deletions(user: UserClient, own: TestDatabase, tasks: list[dict[str, str]]) -> None:
    before = _cursor(user)
    for task in tasks[:2]:
        assert user.delete(f"{user.tasks}/{task['id']}").status_code == 204
    between = _cursor(user)
    for task in tasks[2:]:
        assert user.delete(f"{user.tasks}/{task['id']}").status_code == 204
    own.query(
        "UPDATE tombstones SET deleted_at = now() - interval '31 days' WHERE id = ANY(%s::uuid[])",
        [task["id"] for task in tasks[:2]],
    )
    own.query(_only("DELETE FROM todo.tombstones"))
    assert own.query("SELECT count(*) FROM tombstones") == [(2,)]
    assert_problem(user.get(f"{user.tasks}/changes", params={"cursor": before}), 410, "cursor_expired")
    page = user.get(f"{user.tasks}/changes", params={"cursor": between}).json()
    assert page["deleted"] == [task["id"] for task in tasks[2:]]


def _cursor(user: UserClient) -> str:
    cursor: str = user.get(f"{user.tasks}/changes").json()["next_cursor"]
    return cursor
