"""What the log says of a process as it starts: versions, settings without secrets, where the database is."""

import platform
from importlib.metadata import version
from typing import Any

import fastapi
import psycopg2
import uvicorn
from psycopg2.extensions import parse_dsn
from pydantic import SecretStr

from core.config import Settings


def fields(settings: Settings, url: str, revision: str | None, head: str) -> dict[str, Any]:
    """Those of the line `started`. `revision` is the database's, None where it did not tell; `head` is the code's."""
    parts = parse_dsn(url)
    return {
        "server.address": parts.get("hostaddr") or parts.get("host"),
        "server.port": parts.get("port"),
        "db.namespace": parts.get("dbname"),
        "todo_api.revision.database": revision,
        "todo_api.revision.code": head,
        "todo_api.workers": settings.web_concurrency,
        "todo_api.versions": {
            "python": platform.python_version(),
            "fastapi": fastapi.__version__,
            "uvicorn": uvicorn.__version__,
            "psycopg2": version("psycopg2-binary"),
            "libpq": psycopg2.__libpq_version__,
        },
        "todo_api.settings": _plain(settings),
    }


def _plain(settings: Settings) -> dict[str, Any]:
    """Those that are not as they are by default; of a secret, that it is set."""
    values = {name: getattr(settings, name) for name in sorted(settings.model_fields_set)}
    fields = type(settings).model_fields
    shown = {
        name: value for name, value in values.items() if value != fields[name].get_default(call_default_factory=True)
    }
    return {name: "set" if isinstance(value, SecretStr) else value for name, value in shown.items()}
