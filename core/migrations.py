"""Alembic from the inside: which revision the code needs, and bringing a database to it."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg2.extensions import parse_dsn

from core.config import PROJECT_ROOT, ConfigurationError, Settings


def configuration(url: str) -> Config:
    """Alembic's settings from pyproject.toml, for the database at `url`."""
    config = Config(toml_file=PROJECT_ROOT / "pyproject.toml")
    config.attributes["url"] = url
    return config


def head() -> str:
    """The newest revision that the code knows."""
    revision = ScriptDirectory.from_config(configuration("")).get_current_head()
    assert revision is not None
    return revision


def migration_url(settings: Settings, default: str) -> str:
    """The URL for migrations. Raises ConfigurationError for a transaction pooler, which loses what they SET."""
    url = settings.database_url_unpooled or settings.database_url
    found = url.get_secret_value() if url else default
    host = parse_dsn(found).get("host", "")
    if host.split(".")[0].endswith("-pooler"):
        raise ConfigurationError(
            "Migrations cannot run through a connection pooler (the host of the URL ends in -pooler). "
            "Set DATABASE_URL_UNPOOLED to the direct URL: the same without -pooler."
        )
    return found


def upgrade(url: str) -> None:
    """Brings the database at `url` to the newest revision."""
    command.upgrade(configuration(url), "head")
