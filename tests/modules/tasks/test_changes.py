"""The feed of changes: what was made, changed and deleted since a cursor, each task once at its latest."""

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from core.resources.tombstones import SWEPT_AT, sweeps
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem

EXPIRED = (
    "The changes since this cursor are not known any more. Start again without a cursor, and keep only what comes."
)
ROW = "0190a7c8-0000-7000-8000-00000000000a"
Page = dict[str, Any]


def changes(user: UserClient, cursor: str | None = None, limit: int = 50) -> Page:
    """One page of the feed."""
    query: dict[str, Any] = {"limit": limit} if cursor is None else {"limit": limit, "cursor": cursor}
    response = user.get(f"{user.tasks}/changes", params=query)
    assert response.status_code == 200, response.text
    page: Page = response.json()
    assert page.keys() == {"items", "deleted", "next_cursor", "has_more"}
    return page


def delete(user: UserClient, task: Page) -> None:
    """Deletes a task."""
    assert user.delete(f"{user.tasks}/{task['id']}").status_code == 204


def patch(user: UserClient, task: Page, **fields: Any) -> Page:
    """Changes a task."""
    changed: Page = user.patch(f"{user.tasks}/{task['id']}", json=fields).json()
    return changed


def assert_expired(user: UserClient, cursor: str) -> None:
    """410."""
    response = user.get(f"{user.tasks}/changes", params={"cursor": cursor})
    assert_problem(response, 410, "cursor_expired", title="The cursor is expired", detail=EXPIRED)


def test_what_happened_since_is_told_once_and_at_its_latest(alice: UserClient) -> None:
    one, two, three = (alice.create_task(title=title) for title in "abc")
    first = changes(alice)
    assert (first["items"], first["deleted"], first["has_more"]) == ([one, two, three], [], False)
    patch(alice, one, title="aa")
    newest = patch(alice, one, title="aaa")
    delete(alice, two)
    made = alice.create_task(title="d")
    second = changes(alice, first["next_cursor"])
    assert (second["items"], second["deleted"], second["has_more"]) == ([newest, made], [two["id"]], False)
    third = changes(alice, second["next_cursor"])
    assert (third["items"], third["deleted"], third["has_more"]) == ([], [], False)
    assert changes(alice, first["next_cursor"]) == second  # a lost response is found again


def test_pages_follow_one_another_in_the_order_of_the_changes(alice: UserClient) -> None:
    start = changes(alice)["next_cursor"]
    tasks = [alice.create_task(title=str(number)) for number in range(7)]
    delete(alice, tasks[0])
    newest = patch(alice, tasks[3], title="x")
    delete(alice, tasks[5])
    seen: list[tuple[list[str], list[str]]] = []
    more, cursor = True, start
    while more:
        page = changes(alice, cursor, limit=2)
        seen.append(([task["title"] for task in page["items"]], page["deleted"]))
        more, cursor = page["has_more"], page["next_cursor"]
    gone = [tasks[number]["id"] for number in (0, 5)]
    assert seen == [(["1", "2"], []), (["4", "6"], []), ([newest["title"]], gone[:1]), ([], gone[1:])]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_what_was_done_to_many_at_once_is_told_page_by_page(alice: UserClient, limit: int) -> None:
    """Those that were changed together have one number, and so have those that were deleted together."""
    gone = [alice.create_task(title="a", status="completed")["id"] for _ in range(5)]
    kept = [alice.create_task(title="a")["id"] for _ in range(5)]
    cursor = changes(alice)["next_cursor"]
    assert alice.patch(alice.tasks, params={"status": "pending"}, json={"title": "b"}).json()["count"] == 5
    assert alice.delete(alice.tasks, params={"status": "completed"}).json()["count"] == 5
    items, deleted, more = [], [], True
    while more:
        page = changes(alice, cursor, limit)
        items += [(task["id"], task["title"]) for task in page["items"]]
        deleted += page["deleted"]
        more, cursor = page["has_more"], page["next_cursor"]
    assert (items, deleted) == ([(one, "b") for one in kept], gone)


def test_who_begins_is_told_of_no_deletion_but_of_those_that_come_meanwhile(alice: UserClient) -> None:
    tasks = [alice.create_task(title=str(number)) for number in range(6)]
    delete(alice, tasks[0])
    first = changes(alice, limit=2)
    assert ([task["title"] for task in first["items"]], first["has_more"]) == (["1", "2"], True)
    delete(alice, tasks[1])
    delete(alice, tasks[4])
    rest = changes(alice, first["next_cursor"], limit=100)
    assert [task["title"] for task in rest["items"]] == ["3", "5"]
    assert (rest["deleted"], rest["has_more"]) == ([tasks[1]["id"], tasks[4]["id"]], False)


def test_a_task_that_was_put_back_is_there_and_not_deleted(alice: UserClient) -> None:
    task = alice.create_task()
    cursor = changes(alice)["next_cursor"]
    delete(alice, task)
    back = alice.put(
        f"{alice.tasks}/{task['id']}", json=task, headers={"If-None-Match": "*", "Idempotency-Key": "undo"}
    ).json()
    page = changes(alice, cursor)
    assert (page["items"], page["deleted"]) == ([back], [])


def test_a_new_user_begins_with_nothing_and_misses_nothing(make_user: Callable[..., UserClient]) -> None:
    new = make_user()
    first = changes(new)
    assert (first["items"], first["deleted"], first["has_more"]) == ([], [], False)
    task = new.create_task()
    assert changes(new, first["next_cursor"])["items"] == [task]


def test_whom_all_was_deleted_begins_with_nothing_and_goes_on(alice: UserClient, database: TestDatabase) -> None:
    """Also where the deletions are forgotten: they were before the beginning."""
    delete(alice, alice.create_task())
    database.query("DELETE FROM tombstones WHERE user_id = %s", alice.user_id)
    database.query("UPDATE users SET forgotten = 2 WHERE id = %s", alice.user_id)
    first = changes(alice)
    assert (first["items"], first["deleted"]) == ([], [])
    assert changes(alice, first["next_cursor"])["items"] == []
    task = alice.create_task()
    assert changes(alice, first["next_cursor"])["items"] == [task]


def test_a_deleted_account_has_no_changes(alice: UserClient) -> None:
    cursor = changes(alice)["next_cursor"]
    assert alice.delete("/api/v1/users/me").status_code == 204
    for query in ({}, {"cursor": cursor}):
        assert_problem(alice.get(f"{alice.tasks}/changes", params=query), 401, "account_deleted")


def test_what_others_do_is_not_told(alice: UserClient, bob: UserClient) -> None:
    cursor = changes(alice)["next_cursor"]
    delete(bob, bob.create_task())
    bob.create_task()
    page = changes(alice, cursor)
    assert (page["items"], page["deleted"]) == ([], [])


def test_somebody_elses_cursor_is_expired(alice: UserClient, bob: UserClient) -> None:
    """Whoever signs in on the same device after another person starts again, and misses nothing."""
    bob.create_task()
    alice.create_task()
    assert_expired(alice, changes(bob)["next_cursor"])


def test_a_cursor_that_is_ahead_is_expired(alice: UserClient, database: TestDatabase) -> None:
    """As after a backup was restored."""
    alice.create_task()
    cursor = changes(alice)["next_cursor"]
    database.query("UPDATE users SET change = 0 WHERE id = %s", alice.user_id)
    assert_expired(alice, cursor)


def test_a_cursor_of_another_history_is_expired(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """As docs/operations.md says what to run after a restore."""
    own = make_database()
    with UserClient(start_server(database=own).url) as user:
        user.create_task()
        cursor = changes(user)["next_cursor"]
        own.query("UPDATE sync_history SET id = gen_random_uuid()")
        assert_expired(user, cursor)
        assert len(changes(user)["items"]) == 1


def test_a_cursor_from_before_forgotten_deletions_is_expired(alice: UserClient, database: TestDatabase) -> None:
    one, two, three = (alice.create_task() for _ in range(3))
    start = changes(alice)["next_cursor"]
    delete(alice, one)
    between = changes(alice)["next_cursor"]
    delete(alice, two)
    database.query("UPDATE tombstones SET deleted_at = now() - interval '31 days' WHERE id = %s", one["id"])
    _sweep(alice)
    assert database.query("SELECT id::text FROM tombstones WHERE id = ANY(%s::uuid[])", [one["id"], two["id"]]) == [
        (two["id"],)
    ]
    assert_expired(alice, start)
    assert two["id"] in changes(alice, between)["deleted"]
    assert [task["id"] for task in changes(alice)["items"]] == [three["id"]]


def test_a_deletion_is_kept_for_as_long_as_is_set(
    database: TestDatabase, start_server: Callable[..., RunningServer]
) -> None:
    with UserClient(start_server(database=database, deletions_kept_days=400).url) as user:
        task = user.create_task()
        start = changes(user)["next_cursor"]
        delete(user, task)
        database.query("UPDATE tombstones SET deleted_at = now() - interval '399 days' WHERE id = %s", task["id"])
        _sweep(user)
        assert task["id"] in changes(user, start)["deleted"]


@pytest.mark.parametrize("before", [0, 1])
def test_no_rhythm_of_a_client_keeps_what_is_old(alice: UserClient, database: TestDatabase, before: int) -> None:
    """One that creates and deletes in turn has deletions of odd numbers alone, or of even ones."""
    for _ in range(before):
        alice.create_task()
    delete(alice, old := alice.create_task())
    database.query("UPDATE tombstones SET deleted_at = now() - interval '31 days' WHERE id = %s", old["id"])
    _sweep(alice)
    assert database.query("SELECT 1 FROM tombstones WHERE id = %s", old["id"]) == []


def test_a_deletion_that_cannot_sweep_is_done(database: TestDatabase, alice: UserClient) -> None:
    """With a key both are one transaction: then it is not done, and can be asked for again."""
    fails = "BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = 'query_canceled'; END"
    database.query(
        f"CREATE FUNCTION todo.fails() RETURNS trigger LANGUAGE plpgsql AS '{fails.replace(chr(39), chr(39) * 2)}';"
        "CREATE TRIGGER fails BEFORE DELETE ON todo.tombstones FOR EACH STATEMENT EXECUTE FUNCTION todo.fails()"
    )
    try:
        _sweep(alice)
        statuses = set()
        for number in range(2 * SWEPT_AT):
            path = f"{alice.tasks}/{alice.create_task()['id']}"
            statuses.add(alice.delete(path, headers={"Idempotency-Key": f"sweep-{number}"}).status_code)
        assert statuses == {204, 503}
    finally:
        database.query("DROP FUNCTION todo.fails() CASCADE")


@pytest.mark.parametrize("step", [1, 2, 32])
def test_one_deletion_in_32_sweeps_whatever_lies_between_them(step: int) -> None:
    assert 95 <= sum(sweeps(1 + step * number) for number in range(3200)) <= 105


def _sweep(user: UserClient) -> None:
    """Makes and deletes, until a deletion was one that sweeps."""
    for _ in range(2 * SWEPT_AT):
        delete(user, user.create_task())


@pytest.mark.parametrize(
    "text",
    [
        *("x", "%00", "null", "!" * 2048, "a" * 2047),
        *("[]", "{}", "null", "1"),
        *(json.dumps(one) for one in (["h", "o", 1, ROW], ["h", "o", -1, ROW, 0])),
        *(json.dumps(["h", "o", one, ROW, 0]) for one in ("1", 1.5, None, True, 2**63)),
        *(json.dumps(["h", "o", 1, one, 0]) for one in ("x", None, 1)),
        *(json.dumps([one, "o", 1, ROW, 0]) for one in (None, 1, ["h"])),
        json.dumps(["h", "o", 1, ROW, 0]),
    ],
)
def test_what_is_no_cursor_of_ours_is_expired(alice: UserClient, text: str) -> None:
    assert_expired(alice, text)
    assert_expired(alice, base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()[:2048])


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"cursor": "a" * 2049}, {"sort": "title"}])
def test_what_the_feed_does_not_take_is_rejected(alice: UserClient, query: dict[str, Any]) -> None:
    assert_problem(alice.get(f"{alice.tasks}/changes", params=query), 400, "validation_failed")


def test_an_empty_cursor_is_no_beginning(alice: UserClient) -> None:
    """A client that loses its cursor must not read all again and again: 410 would tell it to."""
    for path in (alice.tasks, f"{alice.tasks}/changes"):
        response: httpx.Response = alice.get(path, params={"cursor": ""})
        assert_problem(response, 400, "validation_failed")


def test_a_page_is_one_round_trip(alice: UserClient, database: TestDatabase) -> None:
    for _ in range(3):
        alice.create_task()
    cursor = changes(alice)["next_cursor"]
    delete(alice, alice.create_task())
    for query in ({}, {"cursor": cursor}):
        database.proxy.clear()
        assert alice.get(f"{alice.tasks}/changes", params=query).status_code == 200
        assert len(database.proxy.queries) == 1


def test_a_write_that_finds_nothing_tells_nothing(alice: UserClient) -> None:
    cursor = changes(alice)["next_cursor"]
    assert alice.delete(f"{alice.tasks}/{uuid4()}").status_code == 404
    task = alice.create_task()
    stale = {"If-Match": alice.etag(7)}
    assert alice.delete(f"{alice.tasks}/{task['id']}", headers=stale).status_code == 412
    page = changes(alice, cursor)
    assert (page["items"], page["deleted"]) == ([task], [])
