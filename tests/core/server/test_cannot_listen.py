"""A host that is not ours, or a port that is taken, is said in the log and to people, and the process ends."""

import json
import os
import socket
import subprocess
import sys

import pytest

from core.server.listening import listeners
from tests.conftest import SECRET, TestDatabase, project_root


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "Address already in use"),
        ("192.0.2.1", "Cannot assign requested address"),
        ("no-such-host.invalid", ""),
    ],
)
def test_what_cannot_be_listened_on_is_named(database: TestDatabase, host: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url, "HOST": host, "PORT": str(port)}
        done = subprocess.run(
            [sys.executable, "main.py"],
            cwd=project_root(),
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, line["message"], line["level"]) == (1, "cannot listen", "error")
    assert (line["server.address"], line["server.port"]) == (host, port)
    assert line["exception.message"].endswith(reason)
    (told,) = done.stderr.splitlines()  # and nobody is told where it listens
    assert told.startswith(f"Cannot listen on {host}, port {port}: ")
    assert "Set PORT to one that is free (PORT=8001 make run, say), or HOST to" in told


def test_two_that_start_at_once_do_not_both_believe_to_serve() -> None:
    """Bound, and not yet listened on, a port can be bound once more, and only the first that listens gets anything."""
    for host in ("127.0.0.1", "0.0.0.0", "::1"):
        (first,) = listeners(host, 0)
        with first, pytest.raises(OSError, match="Address already in use"):
            listeners(host, first.getsockname()[1])


def test_figures_are_not_on_the_port_of_the_api(database: TestDatabase) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url}
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=project_root(),
        env={**os.environ, **settings, "HOST": "0.0.0.0", "PORT": port, "METRICS_PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, lines[-1]["message"], lines[-1]["server.port"]) == (1, "cannot listen", int(port))
    assert "Set METRICS_PORT to one that is free" in done.stderr
