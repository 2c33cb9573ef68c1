"""A hot standby of a PostgreSQL of the tests: a second server that follows the first, and can take its place."""

import shutil
import subprocess
from pathlib import Path

from tests.faults.postgres import Postgres


class Standby(Postgres):
    """Made by pg_basebackup from the server whose socket is in `source`; listens on a socket of its own."""

    def __init__(self, folder: Path, source: Path, tools: Path, user: str | None) -> None:
        self._data, self.tools, self.user = folder / "standby", tools, user
        sockets = folder / "standby-sockets"
        sockets.mkdir()
        sockets.chmod(0o777)
        self.socket = sockets / ".s.PGSQL.5432"
        self._data.mkdir(mode=0o700)
        self.chown(self._data)
        where = ["-D", str(self._data), "-h", str(source), "-U", "postgres"]
        command = [str(tools / "pg_basebackup"), *where, "-R", "-c", "fast", "-N"]
        done = subprocess.run(command, user=user, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(f"\nlisten_addresses = ''\nunix_socket_directories = '{sockets}'\n")
        self.start()

    def promote(self) -> None:
        """Makes a primary of it, with all that has reached it."""
        self._control("promote", "-w")

    def remove(self) -> None:
        """Ends it and removes its data."""
        self.stop("immediate")
        shutil.rmtree(self._data)
