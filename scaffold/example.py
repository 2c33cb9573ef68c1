"""`make example`: examples/web with all that it stands on, until Ctrl-C: database, API, Better Auth, page."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from core.config import PROJECT_ROOT, ConfigurationError, load_settings
from core.database import migrations

EXAMPLE = PROJECT_ROOT / "examples" / "web"
LOGS = PROJECT_ROOT / ".data" / "example"
PATIENCE = 60
NEEDS_NODE = "The page needs Node.js 20.19 or newer with npm, and there is none here: https://nodejs.org"


def main() -> None:
    """Prints one address; PORT=5174 chooses another one. Exits with a sentence where something is missing."""
    signal.signal(signal.SIGTERM, _end)
    port = int(os.environ.get("PORT", "5173"))
    _check_node()
    if not _is_free(port):
        sys.exit(f"Port {port} is taken. Choose another one: make example PORT=5174")
    try:
        environment = _environment(f"http://localhost:{port}")
    except ConfigurationError as error:
        sys.exit(str(error))
    LOGS.mkdir(parents=True, exist_ok=True)
    _build(environment)
    with suppress(KeyboardInterrupt), _serving(port, environment) as running:
        print(f"\n  The page is at http://localhost:{port}. Ctrl-C ends it.\n", flush=True)  # noqa: T201
        _wait(running)


def _end(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(0)


def _check_node() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        sys.exit(NEEDS_NODE)
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = (int(part) for part in printed.removeprefix("v").split(".")[:2])
    if (major, minor) < (20, 19):
        sys.exit(f"{NEEDS_NODE} (it is {printed.strip()})")


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return True
    return False


def _environment(page: str) -> dict[str, str]:
    """One for all three."""
    settings = load_settings()
    if settings.better_auth_secret is None:
        raise ConfigurationError("The example needs BETTER_AUTH_SECRET, also where Neon signs people up.")
    return {
        **os.environ,
        "DATABASE_URL": migrations.url_of_settings(),
        "BETTER_AUTH_SECRET": settings.better_auth_secret.get_secret_value(),
        "BETTER_AUTH_URL": page,
        "BETTER_AUTH_TELEMETRY": "0",
        "AUTH_LOCAL_ACCOUNTS": "false",
        "SHUTDOWN_NOTICE": "0",
    }


def _build(environment: dict[str, str]) -> None:
    """Installs what the lock names, where that was not done, and builds the page."""
    lock, installed = EXAMPLE / "package-lock.json", EXAMPLE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        print("Installing the packages of the page …", flush=True)  # noqa: T201
        _run("npm", "ci", "--no-audit", "--no-fund", environment=environment)
    _run("npm", "run", "--silent", "build", "--", "--logLevel", "warn", environment=environment)


def _run(*command: str, environment: dict[str, str]) -> None:
    if subprocess.run(command, cwd=EXAMPLE, env=environment, check=False).returncode:
        sys.exit(f"`{' '.join(command)}` failed in examples/web")


def _free_ports() -> tuple[int, int]:
    """For the two servers behind the page. They are to listen soon: the system gives a port again that is not taken."""
    address = ("127.0.0.1", 0)
    with socket.create_server(address) as first, socket.create_server(address) as second:
        return first.getsockname()[1], second.getsockname()[1]


@contextmanager
def _serving(port: int, environment: dict[str, str]) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """All three, once each responds; none is left afterwards."""
    vite = ("node", "node_modules/vite/bin/vite.js", "preview", "--host", "localhost", "--port", str(port))
    api, auth = _free_ports()
    environment |= {"API_URL": f"http://127.0.0.1:{api}", "AUTH_URL": f"http://127.0.0.1:{auth}"}
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        running["API"] = _start("api", PROJECT_ROOT, {**environment, "PORT": str(api)}, sys.executable, "main.py")
        running["Better Auth"] = _start("auth", EXAMPLE, {**environment, "PORT": str(auth)}, "node", "server.mjs")
        running["page"] = _start("page", EXAMPLE, environment, *vite, "--strictPort")
        for url in (f"{environment['API_URL']}/health/ready", f"http://localhost:{port}/api/auth/ok"):
            _until_it_responds(url, running)
        yield running
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def _start(name: str, folder: Path, environment: dict[str, str], *command: str) -> "subprocess.Popen[bytes]":
    # In a session of its own: Ctrl-C reaches this process alone, which ends the others in order.
    with (LOGS / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _until_it_responds(url: str, running: dict[str, "subprocess.Popen[bytes]"]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        _check(running)
        with suppress(OSError), urllib.request.urlopen(url):  # noqa: S310 (it is one of ours)
            return
        time.sleep(0.1)
    sys.exit(f"{url} does not respond. What was said is in {LOGS.relative_to(PROJECT_ROOT)}/")


def _check(running: dict[str, "subprocess.Popen[bytes]"]) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            sys.exit(f"The {name} has ended. What was said is in {LOGS.relative_to(PROJECT_ROOT)}/")


def _wait(running: dict[str, "subprocess.Popen[bytes]"]) -> None:
    while True:
        _check(running)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
