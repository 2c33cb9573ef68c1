"""The way back from deploy/moving.sql: what was written here is in the old table; and it can be moved once more."""

from collections.abc import Callable
from typing import Any

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.modules.tasks.pages import walk
from tests.operations.old_backend import (
    AGAIN,
    BACK,
    CUT_OVER,
    FILE,
    FITS,
    all_changes,
    api,
    both,
    cut_over,
    insert,
    old,
)

__all__ = ["api", "both"]


def _titled(user: UserClient, title: str) -> dict[str, Any]:
    (found,) = [one for one in walk(user) if one["title"] == title]
    return found


def _write_here(ada: UserClient) -> dict[str, Any]:
    """Each kind of write; gives the task that was made."""
    plants, book = _titled(ada, "Water the plants"), _titled(ada, "Read a book")
    ada.patch(f"{ada.tasks}/{plants['id']}", json={"title": "Water them all", "status": "completed"})
    ada.delete(f"{ada.tasks}/{book['id']}")
    return ada.create_task(title="made here", description="d", due_at="2030-01-31T09:00:00Z")


def _row(task: dict[str, Any], number: int) -> tuple[Any, ...]:
    done = task["status"] == "completed"
    return (number, "ada", task["title"], task["description"], done, task["created_at"], task["updated_at"])


def _rows(database: TestDatabase) -> list[tuple[Any, ...]]:
    return [(*row[:5], *(at and at.isoformat() + "Z" for at in row[5:])) for row in old(database)]


def test_what_was_written_here_goes_back(both: TestDatabase, api: RunningServer) -> None:
    before = _rows(both)
    cut_over(both)
    with UserClient(api.url, "ada") as ada, UserClient(api.url, "ben/1") as ben:
        made = _write_here(ada)
        assert ben.delete("/api/v1/users/me").status_code == 204
        changed = _titled(ada, "Water them all")
        both.query(BACK)
        assert _rows(both) == [_row(changed, 1), *before[2:5], _row(made, 7)]
        rejected = ada.post(ada.tasks, json={"title": "too late"})
        assert_problem(rejected, 503, "database_unavailable")
        assert rejected.headers["retry-after"]
        assert len(walk(ada)) == 5
        assert ada.get("/health/ready").status_code == 200
    assert insert(both, title="by the old backend again") == 8


def test_an_account_can_be_deleted_there_meanwhile(both: TestDatabase) -> None:
    both.query('ALTER TABLE public.tasks ADD FOREIGN KEY (user_id) REFERENCES public."user" ON DELETE CASCADE')
    cut_over(both)
    both.query("""DELETE FROM public."user" WHERE id = 'ben/1'""")
    both.query(BACK)
    assert {row[1] for row in old(both)} == {"ada"}


def test_it_can_be_moved_again(both: TestDatabase, api: RunningServer) -> None:
    """No tag or cursor of the first time fits what is there then."""
    cut_over(both)
    with UserClient(api.url, "ada") as ada:
        _write_here(ada)
        _, cursor = all_changes(ada)
        seen = _titled(ada, FITS[3][1])
        both.query(BACK)
        insert(both, title="by the old backend again", updated_at="2024-02-01")
        both.query("UPDATE public.tasks SET title = 'changed there' WHERE id = 4")
        both.query(AGAIN)
        cut_over(both)
        assert_problem(ada.get(f"{ada.tasks}/changes", params={"cursor": cursor}), 410, "cursor_expired")
        match = {"If-Match": seen["etag"]}
        assert_problem(ada.delete(f"{ada.tasks}/{seen['id']}", headers=match), 412, "precondition_failed")
        titles = {one["title"]: one["id"] for one in walk(ada)}
    new = {"Water them all", "changed there", "made here", "by the old backend again"}
    assert titles.keys() == {FITS[2][1], FITS[4][1], *new}
    assert titles["changed there"] == seen["id"]


# As Prisma names things, and what deploy/moving.sql says to adapt for it.
PRISMA = """
CREATE TABLE public."user" (id text PRIMARY KEY);
INSERT INTO public."user" VALUES ('ada');
CREATE TABLE public."Task" (id text PRIMARY KEY, title text NOT NULL, description text, completed boolean NOT NULL
    DEFAULT false, "userId" text NOT NULL, "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamp(3) NOT NULL);
INSERT INTO public."Task" SELECT id, id, NULL, false, 'ada', '2024-01-01', '2024-01-01'
    FROM unnest(ARRAY['cm4x1qk2w0000v8l5h2j3k4l5', '0F8FAD5B-D9CB-469F-A165-70867728950E']) id;
"""
ADAPTED = {
    "SELECT id, user_id, title, description, completed, created_at, updated_at FROM public.tasks": "SELECT id, "
    '"userId" AS user_id, title, description, completed, "createdAt" AS created_at, "updatedAt" AS updated_at '
    'FROM public."Task"',
    "nextval(pg_get_serial_sequence('public.tasks', 'id'))": "id::text",
    "::integer": "",
}


def test_prismas_tables_go_both_ways(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own, adapted = make_database(), FILE
    for text, other in ADAPTED.items():
        assert text in adapted
        adapted = adapted.replace(text, other)
    own.query(PRISMA)
    own.query(adapted)
    forward, back = (sql.replace("public.tasks", 'public."Task"') for sql in (CUT_OVER, BACK))
    cut_over(own, forward)
    with UserClient(start_server(database=own).url, "ada") as ada:
        made = ada.create_task()
        kept = {one["title"]: one["id"] for one in walk(ada)}
        ada.patch(f"{ada.tasks}/{kept['cm4x1qk2w0000v8l5h2j3k4l5']}", json={"status": "completed"})
    assert kept["0F8FAD5B-D9CB-469F-A165-70867728950E"] == "0f8fad5b-d9cb-469f-a165-70867728950e"
    own.query(back)
    assert own.query('SELECT id, completed FROM public."Task" ORDER BY title') == [
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", False),
        (made["id"], False),
        ("cm4x1qk2w0000v8l5h2j3k4l5", True),
    ]
