"""The server in examples/better-auth, as it is, in the same database as ours."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from alembic import command

from core.database import migrations
from tests.better_auth.servers import BetterAuth, Person, free_url
from tests.conftest import SECRET, RunningServer, TestDatabase
from tests.rejections import profile

if TYPE_CHECKING:
    pass

TABLES_OF_BETTER_AUTH = {"user", "session", "account", "verification", "jwks"}


@pytest.fixture(scope="module")
def shared(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database with our tables, where Better Auth is to make its own."""
    return make_database()


@pytest.fixture(scope="module")
def example(workplace: Path, shared: TestDatabase) -> Iterator[BetterAuth]:
    """`npm start`, with the variables that the example's page names."""
    url = free_url()
    port = url.rsplit(":")[-1]
    running = BetterAuth(
        workplace / "server.mjs",
        [url],
        DATABASE_URL=shared.url,
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_URL=url,
        PORT=port,
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def api(start_server: Callable[..., RunningServer], shared: TestDatabase, example: BetterAuth) -> RunningServer:
    """Our API beside it: one database, one secret, one variable more."""
    return start_server(database=shared, better_auth_url=example.urls[0], auth_local_accounts=False)


def _tables(database: TestDatabase, schema: str) -> set[str]:
    return {name for (name,) in database.query("SELECT tablename FROM pg_tables WHERE schemaname = %s", schema)}


def test_who_signs_up_there_has_tasks_here(
    example: BetterAuth, api: RunningServer, sign_up: Callable[..., Person], shared: TestDatabase
) -> None:
    person = sign_up(example.urls[0], name="Bob")
    headers = {"Authorization": f"Bearer {person.token()}"}
    with httpx.Client(base_url=f"{api.url}/api/v1/users", headers=headers, timeout=20) as client:
        assert client.post(f"/{person.id}/tasks", json={"title": "Water the plants"}).status_code == 201
        assert [task["title"] for task in client.get("/me/tasks").json()["items"]] == ["Water the plants"]
        assert client.delete("/me").status_code == 204
        assert client.get("/me").status_code == 401
    # Their account there is not ours to delete.
    assert shared.query('SELECT email, name FROM "user" WHERE id = %s', person.id) == [(person.email, "Bob")]
    assert person.get("/api/auth/get-session").json()["user"]["id"] == person.id


def test_the_tables_of_both_stand_side_by_side(
    example: BetterAuth, api: RunningServer, sign_up: Callable[..., Person], shared: TestDatabase
) -> None:
    """Our migrations and their check leave Better Auth's tables alone, and it goes on with them."""
    person = sign_up(example.urls[0])
    ours = _tables(shared, "todo")
    assert ours > {"tasks", "users"}
    assert _tables(shared, "public") == TABLES_OF_BETTER_AUTH
    configuration = migrations.configuration(shared.url)
    command.check(configuration)
    command.downgrade(configuration, "base")
    assert (_tables(shared, "todo"), _tables(shared, "public")) == ({"alembic_version"}, TABLES_OF_BETTER_AUTH)
    command.upgrade(configuration, "head")
    assert (_tables(shared, "todo"), _tables(shared, "public")) == (ours, TABLES_OF_BETTER_AUTH)
    assert profile(api, person.token()).status_code == 200
