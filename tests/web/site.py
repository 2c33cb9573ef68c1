"""examples/web as a whole: the built page, Better Auth and the API as processes, on one origin or on two."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals

from tests.better_auth.servers import BetterAuth, until_up
from tests.conftest import SECRET, TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.ports import free_port

EXAMPLE = project_root() / "examples" / "web"
VITE = ("node", "node_modules/vite/bin/vite.js")


def build(folder: Path, **environment: str) -> Path:
    """The page as it would be deployed."""
    command = [*VITE, "build", "--logLevel", "warn", "--outDir", str(folder)]
    done = subprocess.run(
        command, cwd=EXAMPLE, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Site:
    """`url` is the page's origin; the API can be killed and started again behind it."""

    def __init__(self, folder: Path, database: TestDatabase, auth_database: str, *, is_apart: bool) -> None:
        self.url = f"http://localhost:{free_port()}"
        self.database = database
        self.auth_database = auth_database
        self._api_port = free_port()
        self._cors_origins = self.url if is_apart else ""
        self.api = self._make_api()
        self.page = build(folder / "page", **({"VITE_API_URL": self.api_url} if is_apart else {}))
        self._auth = _better_auth(folder, self, auth_database)

    @property
    def api_url(self) -> str:
        """Where the API is, whoever may call it there."""
        return f"http://127.0.0.1:{self._api_port}"

    def requests(self, method: str | None = None) -> list[str]:
        """What the API that runs now has responded to."""
        found = [line for line in self.api.lines if line["message"] == "request"]
        sent = [
            f"{line['http.request.method']} {line['url.path']}" for line in found if "/health" not in line["url.path"]
        ]
        return [one for one in sent if method is None or one.startswith(method)]

    def kill_api(self) -> None:
        """As `kill -9` does."""
        self.api.send(Signals.SIGKILL)
        self.api.wait()

    def start_api(self) -> None:
        """Another process in its place."""
        self.api = self._make_api()
        self.api.__enter__()

    def _make_api(self) -> ApiProcess:
        return ApiProcess(
            self.database.proxied_url,
            PORT=str(self._api_port),
            BETTER_AUTH_URL=self.url,
            AUTH_LOCAL_ACCOUNTS="false",
            CORS_ORIGINS=self._cors_origins,
        )

    @contextmanager
    def serving(self) -> Iterator["Site"]:
        """All three, until the block ends."""
        self.api.__enter__()
        try:
            self._auth.start()
            with _preview(self):
                yield self
        finally:
            self._auth.stop()
            if self.api.exit_status is None:
                self.api.__exit__(None, None, None)

    @property
    def auth_url(self) -> str:
        """Where Better Auth is, behind the page."""
        return self._auth.urls[0]


def _better_auth(folder: Path, site: Site, database: str) -> BetterAuth:
    """The example's own server, in a folder that takes its log."""
    for name in ("web", "better-auth"):
        (folder / name).mkdir()
    shutil.copy(EXAMPLE.parent / "better-auth" / "guests.mjs", folder / "better-auth")
    script = Path(shutil.copy(EXAMPLE / "server.mjs", folder / "web"))
    (folder / "web" / "node_modules").symlink_to(EXAMPLE / "node_modules")
    port = free_port()
    environment = {
        "PORT": str(port),
        "DATABASE_URL": database,
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_URL": site.url,
        "API_URL": site.api_url,
    }
    return BetterAuth(script, [f"http://127.0.0.1:{port}"], **environment)


@contextmanager
def _preview(site: Site) -> Iterator[None]:
    port = site.url.rsplit(":", maxsplit=1)[-1]
    command = [*VITE, "preview", "--host", "localhost", "--port", port, "--strictPort", "--outDir", str(site.page)]
    environment = {**os.environ, "API_URL": site.api_url, "AUTH_URL": site.auth_url}
    with subprocess.Popen(command, cwd=EXAMPLE, env=environment, stdout=subprocess.DEVNULL) as running:
        try:
            until_up(running, lambda: listens(int(port)))
            yield
        finally:
            running.terminate()


def listens(port: int) -> bool:
    """Whether somebody does, on the loopback."""
    try:
        socket.create_connection(("localhost", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True
