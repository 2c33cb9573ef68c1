"""A disk that is full: the tables move to a small file system of their own, and something fills it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.bench import Bench

_SIZE = "64m"
_TABLES = ("tasks", "journal", "idempotency_keys")


def possible() -> bool:
    """Whether a file system can be mounted here."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@contextmanager
def full(bench: Bench) -> Iterator[None]:
    """From within to the end, the tables cannot grow."""
    folder = bench.folder / "small"
    with _mounted(folder), _moved(bench, folder / "tables"):
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as opened:
            while True:
                opened.write(b"\0" * 65536)
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        # Lazily: PostgreSQL's own processes may hold files of tables that have gone.
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def _moved(bench: Bench, folder: Path) -> Iterator[None]:
    folder.mkdir()
    bench.postgres.chown(folder)
    bench.postgres.query(f"CREATE TABLESPACE small LOCATION '{folder}'")
    _move(bench, "small")
    try:
        yield
    finally:
        _move(bench, "pg_default")
        bench.postgres.query("DROP TABLESPACE small")


def _move(bench: Bench, tablespace: str) -> None:
    for way in bench.ways:
        for table in _TABLES:
            bench.postgres.query(f"ALTER TABLE {table} SET TABLESPACE {tablespace}", database=way.database)
