"""One database for both, with the real migrators, singular and plural: neither touches the tables of the other."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.database import move_schema
from tests.better_auth.servers import install
from tests.conftest import RunningServer, TestDatabase, UserClient, project_root
from tests.migrations.conftest import PlainDatabase, environment, make_empty_database, run_alembic
from tests.migrations.former import to_public
from tests.migrations.schema import describe, tables

__all__ = ["make_empty_database"]

SINGULAR: dict[str, Any] = {}
PLURAL: dict[str, Any] = {
    "user": {"modelName": "users"},
    "session": {"modelName": "sessions"},
    "account": {"modelName": "accounts"},
    "verification": {"modelName": "verifications"},
}
THEIRS = {"singular": {"user", "session", "account", "verification", "jwks"}}
THEIRS["plural"] = {"users", "sessions", "accounts", "verifications", "jwks"}
# As their migrator's columns want it, and nothing more.
THEIR_ROWS = """
INSERT INTO public.users (id, name, email, "emailVerified") VALUES ('ada', 'Ada', 'ada@example.com', true);
INSERT INTO public.sessions (id, "expiresAt", token, "updatedAt", "userId") VALUES ('s', now(), 't', now(), 'ada')
"""
OPTIONS = {"singular": SINGULAR, "plural": PLURAL}


@pytest.fixture
def empty(make_empty_database: Callable[[], PlainDatabase]) -> PlainDatabase:
    """A database of the test's own, without a table."""
    return make_empty_database()


@pytest.fixture
def their_migrator(workplace: Path) -> Callable[[PlainDatabase, str], dict[str, list[str]]]:
    """Runs it; gives the tables that it made, and those that it added columns to."""

    def run(database: PlainDatabase, naming: str) -> dict[str, list[str]]:
        variables = {"DATABASE_URL": database.url, "OPTIONS": json.dumps(OPTIONS[naming]), "BETTER_AUTH_TELEMETRY": "0"}
        done = subprocess.run(
            ["node", "migrate.mjs"],
            cwd=workplace,
            env=environment(**variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        made: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
        return made

    return run


@pytest.mark.parametrize("naming", OPTIONS)
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_neither_migrator_touches_the_tables_of_the_other(
    empty: PlainDatabase, their_migrator: Callable[[PlainDatabase, str], dict[str, list[str]]], naming: str, first: str
) -> None:
    if first == "ours":
        empty.upgrade()
    assert set(their_migrator(empty, naming)["created"]) == THEIRS[naming]
    theirs = describe(empty, "public")
    empty.upgrade()
    ours = describe(empty)
    assert their_migrator(empty, naming) == {"created": [], "added": []}
    empty.upgrade()
    empty.alembic("check")
    assert (describe(empty, "public"), describe(empty)) == (theirs, ours)
    assert tables(empty, "public") == THEIRS[naming]
    assert {"users", "tasks"} < tables(empty)
    empty.downgrade()
    assert describe(empty, "public") == theirs


@pytest.fixture(scope="session")
def drizzle() -> Callable[..., str]:
    """Runs a program of the folder with Drizzle; gives its output."""
    folder = Path(__file__).with_name("drizzle")
    install(folder)

    def run(database: PlainDatabase, *command: str, **variables: str) -> str:
        # Node's URL class wants a name in the host's place.
        url = database.url.replace("postgres:@/", "postgres@localhost/")
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(DATABASE_URL=url, BETTER_AUTH_TELEMETRY="0", **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


PUSH = ("node", "node_modules/drizzle-kit/bin.cjs", "push", "--config=drizzle.config.mjs")


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_drizzle_with_plural_tables_and_ours_leave_each_other_alone(
    empty: PlainDatabase, drizzle: Callable[..., str], first: str
) -> None:
    """`drizzle-kit push` looks at the schema public alone, unless it is told otherwise."""
    if first == "ours":
        empty.upgrade()
    assert "Changes applied" in drizzle(empty, *PUSH)
    theirs = describe(empty, "public")
    empty.upgrade()
    ours = describe(empty)
    user_id = drizzle(empty, "node", "sign-up.mjs").strip()
    assert "No changes detected" in drizzle(empty, *PUSH, "--force")
    empty.upgrade()
    empty.alembic("check")
    assert (describe(empty, "public"), describe(empty)) == (theirs, ours)
    assert empty.query("SELECT id, email FROM public.users") == [(user_id, "ada@example.com")]


@pytest.mark.parametrize("kept", [True, False])
def test_drizzle_drops_ours_where_it_looks_unless_it_is_told_which_are_its_own(
    empty: PlainDatabase, drizzle: Callable[..., str], kept: bool
) -> None:
    """The setting that docs/better-auth.md gives, and why it is needed."""
    drizzle(empty, *PUSH)
    empty.upgrade()
    filters = {"schemaFilter": ["public", "todo"]}
    if kept:
        filters["tablesFilter"] = ["users", "sessions", "accounts", "verifications"]
    drizzle(empty, *PUSH, "--force", FILTERS=json.dumps(filters))
    assert ("tasks" in tables(empty)) == kept


def test_deleting_an_account_here_leaves_the_one_there(
    empty: PlainDatabase,
    their_migrator: Callable[[PlainDatabase, str], dict[str, list[str]]],
    start_server: Callable[..., RunningServer],
    database: TestDatabase,
) -> None:
    empty.upgrade()
    their_migrator(empty, "plural")
    empty.query(THEIR_ROWS)
    own = TestDatabase(empty.url, database.proxy)
    with UserClient(start_server(database=own).url, "ada") as user:
        user.create_task()
        assert user.delete("/api/v1/users/me").status_code == 204
    assert empty.query("SELECT id, email FROM public.users") == [("ada", "ada@example.com")]
    assert empty.query("SELECT id FROM public.sessions") == [("s",)]


def test_where_ours_are_in_public_plural_tables_are_rejected_and_can_be_parted(
    empty: PlainDatabase,
    their_migrator: Callable[[PlainDatabase, str], dict[str, list[str]]],
    database: TestDatabase,
) -> None:
    """Their migrator takes our `users` for its own. What docs/better-auth.md says to do then gives each its own."""
    empty.upgrade()
    to_public(empty)
    assert "users" in their_migrator(empty, "plural")["added"]
    done = run_alembic("upgrade", "head", DATABASE_URL=empty.url)
    assert done.returncode != 0
    assert "public.users (emailVerified, image, createdAt, updatedAt)" in done.stdout
    empty.query(THEIR_ROWS)
    text = (project_root() / "docs" / "better-auth.md").read_text()
    before, after = re.findall(r"```sql\n(.*?)```", text[text.index("### When Better Auth") :], re.DOTALL)
    empty.query(before)
    move_schema.move(empty.url)
    assert their_migrator(empty, "plural")["created"] == ["users"]
    empty.query(after)
    assert describe(empty) == describe(database)
    assert empty.query("SELECT id FROM todo.users") == [("ada",)]
    empty.query("DELETE FROM todo.users")
    assert empty.query("SELECT id, email FROM public.users") == [("ada", "ada@example.com")]
    assert empty.query("SELECT id FROM public.sessions") == [("s",)]
    assert their_migrator(empty, "plural") == {"created": [], "added": []}
