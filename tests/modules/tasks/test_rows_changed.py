"""A migration that changes rows is told to clients as every change is."""

from core.resources.changes import rows_changed
from tests.conftest import TestDatabase, UserClient, assert_problem


def test_what_a_migration_changes_is_a_change_of_each_owner(
    alice: UserClient, bob: UserClient, database: TestDatabase
) -> None:
    before = {}
    for user in (alice, bob):
        kept, changed = user.create_task(title="kept"), user.create_task(title=f"long of {user.user_id}")
        feed = user.get(f"{user.tasks}/changes").json()
        before[user] = kept, changed, user.get(user.tasks).headers["etag"], feed["next_cursor"]
    database.query(rows_changed("tasks", "description = 'cut'", f"title LIKE 'long of {alice.user_id}'"))
    database.query(rows_changed("tasks", "description = 'cut'", f"title LIKE 'long of {bob.user_id}'"))
    for user, (kept, changed, list_tag, cursor) in before.items():
        (told,) = user.get(f"{user.tasks}/changes", params={"cursor": cursor}).json()["items"]
        new = {name: told[name] for name in ("updated_at", "etag")}
        assert told == {**changed, **new, "description": "cut"}
        assert new["updated_at"] > changed["updated_at"]
        assert user.get(user.tasks, headers={"If-None-Match": list_tag}).status_code == 200
        one = f"{user.tasks}/{changed['id']}"
        assert_problem(user.patch(one, json={}, headers={"If-Match": changed["etag"]}), 412, "precondition_failed")
        assert user.patch(one, json={"title": "b"}, headers={"If-Match": told["etag"]}).status_code == 200
        assert user.get(f"{user.tasks}/{kept['id']}").json() == kept
