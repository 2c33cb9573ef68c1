"""Alembic from the inside: which revision the code needs, and bringing a database to it."""

import re
from typing import TYPE_CHECKING

from psycopg2.extensions import parse_dsn

from core.config import PROJECT_ROOT, ConfigurationError, Settings

if TYPE_CHECKING:
    from alembic.config import Config

_REVISION = re.compile(r"^(down_)?revision\b.*?= *(.*)$", re.MULTILINE)


def configuration(url: str) -> "Config":
    """Alembic's settings from pyproject.toml, for the database at `url`."""
    from alembic.config import Config  # noqa: PLC0415 (a server needs none of it: 8 MB)

    config = Config(toml_file=PROJECT_ROOT / "pyproject.toml")
    config.attributes["url"] = url
    return config


def head() -> str:
    """The newest revision that the code knows, read from the files themselves: the one that no other comes after."""
    known, followed = set[str](), set[str]()
    for file in (PROJECT_ROOT / "alembic" / "versions").glob("*.py"):
        for down, value in _REVISION.findall(file.read_text()):
            (followed if down else known).update(re.findall(r"['\"](\w+)['\"]", value))
    (newest,) = known - followed
    return newest


def migration_url(settings: Settings, default: str) -> str:
    """The URL for migrations. Raises ConfigurationError for a transaction pooler, which loses what they SET."""
    url = settings.database_url_unpooled or settings.database_url
    found = url.get_secret_value() if url else default
    hosts = parse_dsn(found).get("host", "").split(",")
    if any(host.split(".")[0].endswith("-pooler") for host in hosts):
        raise ConfigurationError(
            "Migrations cannot run through a connection pooler (the host of the URL ends in -pooler). "
            "Set DATABASE_URL_UNPOOLED to the direct URL: the same without -pooler."
        )
    return found


def upgrade(url: str) -> None:
    """Brings the database at `url` to the newest revision."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(configuration(url), "head")
