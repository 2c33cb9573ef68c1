"""`python -m core.operations.sweep`: what it removes, what it leaves, and what it says."""

import hashlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import httpx
import pytest

from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.core.database.locks import wait_for_waiting
from tests.end_to_end.project import Project
from tests.modules.auth.accounts import Account, sessions, sign_in
from tests.operations.commands import run


def test_old_keys_and_deletions_go_and_young_ones_stay(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own = make_database()
    with UserClient(start_server(database=own).url) as user:
        for key in ("old", "young"):
            user.patch("/api/v1/users/me", json={"name": key}, headers={"Idempotency-Key": key})
        tasks = [user.create_task() for _ in range(2)]
        before = user.get(f"{user.tasks}/changes").json()["next_cursor"]
        for task in tasks:
            assert user.delete(f"{user.tasks}/{task['id']}").status_code == 204
        own.query("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'")
        age = "UPDATE tombstones SET deleted_at = now() - interval '9 days' WHERE id = %s"
        own.query(age, tasks[0]["id"])
        kept = run("sweep", DATABASE_URL=own.proxied_url)
        assert kept.stdout.splitlines() == [
            "idempotency keys removed: 1",
            "users whose old deletions are forgotten: 0",
            "expired sessions removed: 0",
            "settled throttles removed: 0",
        ], kept.stderr
        assert user.get(f"{user.tasks}/changes", params={"cursor": before}).status_code == 200
        done = run("sweep", DATABASE_URL=own.proxied_url, DELETIONS_KEPT_DAYS="8")
        assert done.stdout.splitlines()[1] == "users whose old deletions are forgotten: 1"
        assert_problem(user.get(f"{user.tasks}/changes", params={"cursor": before}), 410, "cursor_expired")
    assert own.query("SELECT key FROM idempotency_keys WHERE key IN ('old', 'young')") == [("young",)]
    assert own.query("SELECT id::text FROM tombstones") == [(tasks[1]["id"],)]


def test_who_signed_in_once_and_never_again_leaves_neither_session_nor_throttle(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Of the tries there is a hash of their address and of the network's, which can be guessed."""
    own = make_database()
    with httpx.Client(base_url=start_server(database=own).url, timeout=20) as api:
        gone, here = Account.new(api), Account.new(api)
        for account in (gone, here):
            assert sign_in(api, account.email, "a wrong password").status_code == 401
    age = "UPDATE local_sessions SET expires_at = now() - interval '1 second' WHERE user_id = %s"
    own.query(age, gone.user_id)
    throttles = own.query("SELECT count(*) FROM sign_in_throttles")[0][0]
    own.query(
        "UPDATE sign_in_throttles SET settled_at = CASE WHEN key = %s THEN now() + interval '1 hour' "
        "ELSE now() - interval '1 second' END",
        hashlib.sha256(f"account:{here.email.lower()}".encode()).hexdigest(),
    )
    said = run("sweep", DATABASE_URL=own.proxied_url).stdout.splitlines()[2:]
    assert said == ["expired sessions removed: 1", f"settled throttles removed: {throttles - 1}"]
    assert (sessions(own, gone), sessions(own, here)) == (0, 1)
    assert own.query("SELECT count(*) FROM sign_in_throttles") == [(1,)]


def test_whoever_writes_meanwhile_waits_for_nobody_else(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    own = make_database()
    url = start_server(database=own).url
    with ExitStack() as stack:
        users = [stack.enter_context(UserClient(url, f"user-{number}")) for number in range(8)]
        for user in users:
            task = user.create_task()
            assert user.delete(f"{user.tasks}/{task['id']}").status_code == 204
        own.query("UPDATE tombstones SET deleted_at = now() - interval '31 days'")
        lock = stack.enter_context(closing(own.connect()))
        lock.cursor().execute("SELECT FROM users WHERE id = %s FOR UPDATE", [users[-1].user_id])
        sweep = stack.enter_context(ThreadPoolExecutor()).submit(run, "sweep", DATABASE_URL=own.proxied_url)
        wait_for_waiting(own)
        for user in users[:-1]:
            user.create_task()
        lock.rollback()
        assert sweep.result().stdout.splitlines()[1] == "users whose old deletions are forgotten: 8"
    assert own.query("SELECT FROM tombstones") == []


def test_tables_that_are_in_the_former_schema_are_found(make_database: Callable[[], TestDatabase]) -> None:
    own = make_database()
    own.query(
        "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'todo' LOOP "
        "EXECUTE format('ALTER TABLE todo.%%I SET SCHEMA public', name); END LOOP; END $$"
    )
    assert run("sweep", DATABASE_URL=own.proxied_url).returncode == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE_URL": "postgresql://api:hidden-word@127.0.0.1:9/todo"}, "Connection refused"),
        ({"APP_ENV": "production", "DATABASE_URL": ""}, "DATABASE_URL: must be set when APP_ENV is production"),
    ],
)
def test_what_hinders_it_is_said(variables: dict[str, str], said: str) -> None:
    done = run("sweep", **variables)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stderr


@pytest.mark.slow
def test_without_a_setting_it_sweeps_the_embedded_database(project: Project) -> None:
    project.migrate()
    done = project.run(sys.executable, "-m", "core.operations.sweep")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4), done.stderr
