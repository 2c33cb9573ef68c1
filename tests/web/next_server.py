"""examples/nextjs, built and served as it is deployed: Better Auth is in it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.better_auth.servers import until_up
from tests.conftest import SECRET, project_root

EXAMPLE = project_root() / "examples" / "nextjs"
NEXT = ["node", "node_modules/next/dist/bin/next", "start", "--hostname", "127.0.0.1", "--port"]


def environment(url: str, api_url: str, database_url: str) -> dict[str, str]:
    """What it is told: its own origin, the API's, and the database of Better Auth."""
    return {
        **os.environ,
        "API_URL": api_url,
        "BETTER_AUTH_URL": url,
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_TELEMETRY": "0",
        "DATABASE_URL": database_url,
        "NEXT_TELEMETRY_DISABLED": "1",
    }


def build(variables: dict[str, str]) -> None:
    """Makes what `started` serves: in the folder of the example, so one at a time."""
    command = ["npm", "run", "build"]
    done = subprocess.run(command, cwd=EXAMPLE, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def started(variables: dict[str, str]) -> Iterator[None]:
    """Serves it at its BETTER_AUTH_URL until the block ends."""
    url = variables["BETTER_AUTH_URL"]
    command = [*NEXT, url.rsplit(":", maxsplit=1)[-1]]
    with subprocess.Popen(command, cwd=EXAMPLE, env=variables, stdout=subprocess.DEVNULL) as running:
        try:
            until_up(running, lambda: _is_up(url))
            yield
        finally:
            running.terminate()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/auth/ok", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
