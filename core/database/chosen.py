"""Which database the settings mean: that of DATABASE_URL or, with the packages for it, the embedded PostgreSQL."""

from core.settings_base import ConfigurationError, DatabaseSettings

_MISSING = (
    "DATABASE_URL must be set: postgresql://user:password@host/database. "
    "The embedded PostgreSQL, which would stand in for it, needs requirements-local.txt ({name} is missing)."
)


def url_of(settings: DatabaseSettings) -> str:
    """The URL of the settings, or that of the embedded PostgreSQL, which runs then.

    Raises ConfigurationError where the settings name none and the packages of the embedded one are not installed.
    """
    if settings.database_url:
        return settings.database_url.get_secret_value()
    try:
        # Imported here: a production install has none of what it stands on.
        from core.database import embedded  # noqa: PLC0415

        return embedded.start().get_uri()
    except ModuleNotFoundError as error:
        raise ConfigurationError(_MISSING.format(name=error.name)) from error
