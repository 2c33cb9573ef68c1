"""Tasks of another backend are moved by deploy/moving.sql and docs/moving.md as they stand: none is lost on the way."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from modules.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.modules.tasks.pages import walk
from tests.operations.old_backend import COUNT, FILE, FITS, TEXT, all_changes, api, both, cut_over, insert, old
from tests.waiting import poll

__all__ = ["api", "both"]

REST = "SELECT old_id::integer, reason FROM moving.remaining ORDER BY 1"
REJECTED = [
    ("ada", "", "no title"),
    ("ada", " \t\n", "no title"),
    ("ada", "\u3000\u2003", "no title"),
    ("ada", None, "no title"),
    ("ada", "x" * (TITLE_LENGTH + 1), "title too long"),
    ("ada", ("description", "x" * (DESCRIPTION_LENGTH + 1)), "description too long"),
    ("ada", ("created_at", "infinity"), "a time in the future"),
    ("ada", ("updated_at", "2124-01-01"), "a time in the future"),
    ("ada", ("created_at", "-infinity"), "a time out of range"),
    ("ada", ("created_at", "0044-03-15 BC"), "a time out of range"),
    ("ada", ("created_at", None), "no time"),
    ("gone", "of an account that was deleted here", "account deleted here"),
    ("nobody", "of an account that was deleted there", "no such user"),
    (None, "of nobody", "no such user"),
]


def _time(text: str | None) -> str:
    assert text is not None
    day, _, clock = text.partition(" ")
    seconds, _, fraction = clock.partition(".")
    return f"{day}T{seconds if seconds.count(':') == 2 else seconds + ':00'}{'.' + fraction if fraction else ''}Z"


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    _, title, description, completed, created_at, updated_at = row
    created, updated = _time(created_at or updated_at), _time(updated_at or created_at)
    status = (
        {"status": "completed", "completed_at": updated} if completed else {"status": "pending", "completed_at": None}
    )
    times = {"due_at": None, "created_at": created, "updated_at": updated}
    return {"title": title, "description": description, **status, **times}


def test_what_is_moved_is_served_as_it_was(both: TestDatabase, api: RunningServer) -> None:
    assert both.query(COUNT) == [(None, len(FITS))]
    before = old(both)
    cut_over(both)
    with UserClient(api.url, "ada") as ada, UserClient(api.url, "ben/1") as ben:
        ben.tasks = ada.tasks = "/api/v1/users/me/tasks"
        for user, name in ((ada, "ada"), (ben, "ben/1")):
            tasks = walk(user, sort="created_at", limit=2)
            shown = [{key: one[key] for key in _shown(FITS[0])} for one in tasks]
            expected = [_shown(row) for row in FITS if row[0] == name]
            assert sorted(shown, key=str) == sorted(expected, key=str)
            assert sorted(all_changes(user)[0], key=str) == sorted(tasks, key=str)
            assert user.get(user.tasks, params={"include_total": "true"}).json()["total"] == len(expected)
        counts = ada.get(f"{ada.tasks}/counts").json()
        assert counts == {"total": 5, "pending": 3, "in_progress": 0, "completed": 2, "overdue": 0}
        _assert_changes_count_on(ada)
    assert old(both) == before
    assert both.query(REST) == []


def _assert_changes_count_on(ada: UserClient) -> None:
    """Tags, the list's and the feed's, go on from what was moved."""
    _, cursor = all_changes(ada)
    listed = ada.get(ada.tasks)
    known = {"If-None-Match": listed.headers["etag"]}
    assert ada.get(ada.tasks, headers=known).status_code == 304
    task = listed.json()["items"][0]
    path, match = f"{ada.tasks}/{task['id']}", {"If-Match": task["etag"]}
    assert task["id"][14] + task["id"][19] == "88"
    changed = ada.patch(path, json={"status": "in_progress"}, headers=match)
    assert changed.json()["updated_at"] > max(one["updated_at"] for one in listed.json()["items"])
    assert_problem(ada.patch(path, json={"title": "unseen"}, headers=match), 412, "precondition_failed")
    assert ada.get(ada.tasks, headers=known).status_code == 200
    assert [one["id"] for one in all_changes(ada, cursor)[0]] == [task["id"]]


def test_what_cannot_be_moved_is_listed_until_it_is_mended(both: TestDatabase, api: RunningServer) -> None:
    both.query("INSERT INTO todo.deleted_users VALUES ('gone')")
    expected = []
    for user_id, wrong, reason in REJECTED:
        row = dict([wrong]) if isinstance(wrong, tuple) else {"title": wrong}
        expected.append((insert(both, user_id=user_id, **row), reason))
    with UserClient(api.url, "ada") as ada:
        cut_over(both)
        assert both.query(REST) == expected
        assert len(walk(ada)) == 5
        ada.delete(f"{ada.tasks}/{walk(ada)[0]['id']}")
        assert both.query("SELECT moving.move()") == [(0,)]
        _, cursor = all_changes(ada)
        both.query(_mended())
        assert both.query("SELECT moving.move()") == [(2,)]
        assert [one["title"] for one in all_changes(ada, cursor)[0]] == ["Untitled", "Untitled"]
        assert len(walk(ada)) == 6
    assert both.query(REST) == [one for one in expected if one[0] not in (7, 10)]


def _mended() -> str:
    """The view with the title that the document writes."""
    (view,) = re.findall(r"CREATE (VIEW moving.old AS.*?;)", FILE, re.DOTALL)
    (title,) = re.findall(r"`(coalesce.*? AS title)`", TEXT)
    assert " title," in view
    return f"CREATE OR REPLACE {view}".replace("title,", f"{title},")


def test_a_cursor_and_tags_from_before_the_move_go_on(both: TestDatabase, api: RunningServer) -> None:
    with UserClient(api.url, "ada") as ada:
        own = ada.create_task()
        _, cursor = all_changes(ada)
        known = {"If-None-Match": ada.get(ada.tasks).headers["etag"]}
        last = "SELECT change, changed_at FROM todo.users"
        ((number, at),) = both.query(last)
        cut_over(both)
        ((counted, later),) = both.query(f"{last} WHERE id = 'ada'")
        assert (counted, later > at) == (number + 1, True)
        assert ada.get(ada.tasks, headers=known).status_code == 200
        since, _ = all_changes(ada, cursor)
        assert {one["id"] for one in since} == {one["id"] for one in walk(ada)} - {own["id"]}
        match = {"If-Match": own["etag"]}
        assert ada.patch(f"{ada.tasks}/{own['id']}", json={"title": "mine"}, headers=match).status_code == 200


def test_no_write_falls_between_the_move_and_the_switch(both: TestDatabase, api: RunningServer) -> None:
    last = (
        "INSERT INTO public.tasks (user_id, title, updated_at) SELECT 'ada', 'last', timezone('UTC', clock_timestamp())"
    )
    with ThreadPoolExecutor(1) as pool, closing(both.connect()) as writer:
        writer.cursor().execute(last)
        moved = pool.submit(cut_over, both)
        poll(lambda: both.query("SELECT 1 FROM pg_locks WHERE relation = 'public.tasks'::regclass AND NOT granted"))
        assert both.query("SELECT count(*) FROM public.tasks") == [(len(FITS),)]
        writer.cursor().execute(last)
        writer.commit()
        moved.result()
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction, match="the tasks have moved"):
        both.query(last)
    with UserClient(api.url, "ada") as ada:
        assert [one["title"] for one in walk(ada, sort="-updated_at")[:3]] == ["last", "last", FITS[1][1]]
        assert ada.create_task()["updated_at"] > walk(ada, q="last")[0]["updated_at"]


def test_the_old_backend_waits_for_nothing_while_the_tasks_are_moved(both: TestDatabase) -> None:
    last = "INSERT INTO public.tasks (user_id, title) VALUES ('ada', 'too late')"
    with ThreadPoolExecutor(1) as pool, closing(both.connect()) as holder:
        holder.cursor().execute("LOCK moving.moved")
        moved = pool.submit(cut_over, both)
        poll(lambda: both.query("SELECT 1 FROM pg_locks WHERE relation = 'moving.moved'::regclass AND NOT granted"))
        assert both.query("SELECT count(*) FROM public.tasks") == [(len(FITS),)]
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            both.query(f"SET lock_timeout = '1ms'; {last}")
        holder.rollback()
        moved.result()
    assert both.query("SELECT count(*) FROM todo.tasks") == [(len(FITS),)]


def test_nothing_is_moved_while_the_old_table_can_be_written(both: TestDatabase) -> None:
    with pytest.raises(psycopg2.errors.RaiseException, match="the old table can be written"):
        both.query("SELECT moving.move()")
