"""Tables that are spread over servers by their owner: local accounts are rejected, and a forgotten table is found."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from core.database import migrations, start_check
from core.database.distribution import complaint
from core.operations.doctor import examine
from modules.tasks.repository import TaskRepository
from tests.conftest import TestDatabase, make_settings
from tests.core.database.prepared_path import kinds, through
from tests.core.database.spread import found, install, spread

OWNED = {"users": "id", "deleted_users": "id"} | dict.fromkeys(("tasks", "idempotency_keys", "tombstones"), "user_id")
RIGHT = [(name, owner, 1) for name, owner in OWNED.items()]


def told(database: TestDatabase, *, accounts: bool = False) -> str | None:
    return start_check.look(database.url, migrations.head(), accounts=accounts)[1]


@pytest.fixture
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    database = make_database()
    install(database)
    return database


def test_an_engine_that_has_spread_nothing_changes_nothing(own: TestDatabase) -> None:
    assert told(own, accounts=True) is None
    spread(own, "sync_history", None)
    assert told(own, accounts=True) is None


def test_local_accounts_are_on_one_server(own: TestDatabase) -> None:
    for name, owner in OWNED.items():
        spread(own, name, owner)
    assert told(own) is None
    rejected = told(own, accounts=True)
    assert rejected is not None
    assert "AUTH_LOCAL_ACCOUNTS=false" in rejected


def test_what_is_forgotten_is_named_with_what_to_run(own: TestDatabase) -> None:
    for name, owner in OWNED.items():
        if name not in ("tasks", "tombstones"):
            spread(own, name, owner)
    spread(own, "tasks", "user_id", 2)  # and so its rows are elsewhere than their owner's
    said = told(own)
    assert said is not None
    assert "SELECT create_distributed_table('todo.tasks', 'user_id', colocate_with => 'todo.users');" in said
    assert "SELECT create_distributed_table('todo.tombstones', 'user_id', colocate_with => 'todo.users');" in said
    assert said.count("SELECT") == 2


@pytest.mark.parametrize("wrong", [("tasks", "id", 1), ("tasks", None, 1)])
def test_a_table_that_is_spread_by_something_else_is_found(wrong: tuple[str, str | None, int]) -> None:
    rows = [one for one in RIGHT if one[0] != wrong[0]]
    assert complaint("todo", RIGHT, OWNED, accounts=False) is None
    assert "todo.tasks" in (complaint("todo", [*rows, wrong], OWNED, accounts=False) or "")
    assert complaint("todo", [*rows, wrong], {*OWNED} - {"tasks"}, accounts=False) is None


def test_a_migration_spreads_what_it_has_made(own: TestDatabase) -> None:
    for name, owner in OWNED.items():
        if name != "tombstones":
            spread(own, name, owner)
    migrations.upgrade(own.url)
    assert found(own) == {(name, owner, 1) for name, owner in OWNED.items()}


def test_a_migration_spreads_nothing_where_all_is_on_one_server(own: TestDatabase) -> None:
    migrations.upgrade(own.url)
    assert found(own) == set()


def test_nothing_is_prepared_where_the_rows_may_be_on_several_servers(own: TestDatabase) -> None:
    own.proxy.clear()
    through(own, lambda path: path.fetch_all(TaskRepository.rows.find(UUID(int=1)).for_owner("nobody")))
    assert kinds(own)[2:] == ["text"]  # behind the look, and what it asks of an engine


def test_the_doctor_says_so_as_well(own: TestDatabase) -> None:
    for name, owner in OWNED.items():
        spread(own, name, owner)

    async def wrong(**settings: Any) -> list[str]:
        found = examine(lambda: make_settings(database_url=own.proxied_url, **settings))
        return [str(one) async for one in found if one.state == "wrong"]

    (line,) = asyncio.run(wrong())
    assert "AUTH_LOCAL_ACCOUNTS=false" in line
    assert asyncio.run(wrong(auth_local_accounts=False)) == []
