"""From the newest schema back to that of an older release, and up again: nothing that was acknowledged is lost."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from alembic import command

from core.database import migrations
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, project_root

KEPT = ("users", "tasks", "idempotency_keys", "local_accounts", "local_sessions")
DOCUMENT = (project_root() / "docs/operations.md").read_text(encoding="utf-8")
(OLD_RELEASES,) = re.findall(r"### Coming from an old release\n(.*?)\n### ", DOCUMENT, re.DOTALL)
(OLDEST,) = re.findall(r"^\| .*`(\w{12})` \| End all old processes", OLD_RELEASES, re.MULTILINE)
(DOWNGRADE,) = re.findall(r"-m alembic downgrade (\w{12})", OLD_RELEASES)


def _rows(database: TestDatabase) -> Iterator[dict[str, Any]]:
    for table in KEPT:
        for (row,) in database.query(f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text"):
            yield {"table": table, **row}


def test_the_document_names_revisions_that_there_are() -> None:
    named = re.findall(r"`(\w{12})`", OLD_RELEASES)
    assert set(named) <= migrations.known()
    assert {OLDEST, DOWNGRADE} <= set(named)


def _create_once(user: UserClient) -> httpx.Response:
    return user.post(user.tasks, json={"title": "by the new release"}, headers={"Idempotency-Key": "once"})


def _assert_downgrade_keeps_rows(database: TestDatabase, revision: str) -> None:
    stored = list(_rows(database))
    command.downgrade(migrations.configuration(database.url), revision)
    kept = [row.items() <= before.items() for row, before in zip(_rows(database), stored, strict=True)]
    assert kept == [True] * len(stored)


@pytest.mark.parametrize("revision", [DOWNGRADE, OLDEST])
def test_what_users_wrote_outlives_a_downgrade_and_the_next_upgrade(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer], revision: str
) -> None:
    own = make_database()
    with UserClient(start_server(database=own).url) as user:
        made = _create_once(user).json()
        user.create_task(title="old", description="x" * 99, due_at="2030-01-31T09:00:00+01:00", status="completed")
        user.delete(f"{user.tasks}/{user.create_task()['id']}")
        account = {"email": "ada@example.com", "password": "a long pass phrase"}
        session = user.post("/api/v1/auth/sign-up", json=account).json()
        before, cursor = user.get(user.tasks).json()["items"], user.get(f"{user.tasks}/changes").json()["next_cursor"]
    _assert_downgrade_keeps_rows(own, revision)
    migrations.upgrade(own.url)
    with UserClient(start_server(database=own).url, user.user_id) as user:
        assert user.get(user.tasks).json()["items"] == before
        repeated = _create_once(user)
        assert (repeated.status_code, repeated.headers["location"][-36:]) == (201, made["id"])
        assert user.get(user.tasks).json()["items"] == before
        token = {"refresh_token": session["refresh_token"]}
        assert user.post("/api/v1/auth/refresh", json=token).status_code == 200
        since = user.get(f"{user.tasks}/changes", params={"cursor": cursor})
        if revision == OLDEST:
            assert_problem(since, 410, "cursor_expired")
        else:
            assert since.json()["items"] == []
