"""Where settings come from (environment, `.env`, files of secrets), and those that a migration needs as well."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from core import urls
from core.env_file import ENV_FILE_ENCODING, env_file_problem
from core.misspelt_settings import misspelt

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_PROJECT = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
# What the log, traces, figures and the database's list of sessions call it.
NAME: str = _PROJECT["name"]
VERSION: str = _PROJECT["version"]

S = TypeVar("S", bound=BaseSettings)

_BYTE_ORDER_MARK = "\ufeff"

_CONFIG = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)


class ConfigurationError(Exception):
    """The settings cannot be used. The message names every problem and no value of a secret."""


class _Secrets(SecretsSettingsSource):
    """Files of secrets, read as `.env` and variables are: empty is unset, and a byte order mark is none of it."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The text of a file, None where there is none."""
        value, key, is_complex = super().get_field_value(field, field_name)
        return (value.removeprefix(_BYTE_ORDER_MARK).strip() or None if value else None), key, is_complex


class DatabaseSettings(BaseSettings):
    """What a migration needs, and nothing else; durations are in seconds unless named otherwise."""

    model_config = _CONFIG

    app_env: Literal["development", "production"] = "development"
    secrets_dir: Path | None = None
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = "INFO"
    log_format: Literal["json", "terminal"] | None = None
    database_url: SecretStr | None = Field(default=None, validate_default=True)
    database_url_unpooled: SecretStr | None = None
    deletions_kept_days: int = Field(default=30, ge=1, le=3650)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """pydantic's, in its order."""
        assert isinstance(file_secret_settings, SecretsSettingsSource)
        secrets = _Secrets(settings_cls, file_secret_settings.secrets_dir)
        return init_settings, env_settings, dotenv_settings, secrets

    @field_validator("database_url", "database_url_unpooled")
    @classmethod
    def _usable_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            urls.check_database_url(url.get_secret_value())
        return url

    @field_validator("database_url")
    @classmethod
    def _production_needs_a_database(cls, url: SecretStr | None, found: ValidationInfo) -> SecretStr | None:
        if url is None and found.data.get("app_env") == "production":
            raise ValueError("must be set when APP_ENV is production")
        return url


class _SecretsDir(BaseSettings):
    """Must be known before the others are read."""

    model_config = _CONFIG

    secrets_dir: Path | None = None


def load(kind: type[S], env_file: Path | None, **values: Any) -> S:
    """Settings from the environment, then `env_file`, then a file for each in SECRETS_DIR.

    Raises ConfigurationError that lists all problems.
    """
    if env_file is not None and (unreadable := env_file_problem(env_file)):
        raise ConfigurationError(unreadable)
    sources: dict[str, Any] = {"_env_file": env_file, "_env_file_encoding": ENV_FILE_ENCODING}
    # A pipe can be read once.
    folder = _SecretsDir(**(sources if env_file is not None and env_file.is_file() else {})).secrets_dir
    if folder is not None:
        _check_secrets(folder, kind)
    try:
        return kind(**sources, _secrets_dir=folder, **values)
    except ValidationError as error:
        lines = [_describe(problem["loc"], problem["msg"]) for problem in error.errors(include_input=False)]
    lines += [f"{name}: {doubt}" for name, doubt in doubts(kind, env_file, folder).items()]
    raise ConfigurationError("The settings cannot be used:\n" + "\n".join(f"  - {line}" for line in lines))


def doubts(kind: type[BaseSettings], env_file: Path | None, folder: Path | None) -> dict[str, str]:
    """For each name of the same sources that is no setting, but nearly one, half a sentence."""
    found = misspelt(kind.model_fields, env_file, folder)
    return {name: f"no setting has this name; {meant} may be meant" for name, meant in found.items()}


def _check_secrets(folder: Path, kind: type[BaseSettings]) -> None:
    """Raises ConfigurationError where files cannot be read, which would else be as if they were not there."""
    try:
        found = [path for path in folder.iterdir() if path.name.lower() in kind.model_fields]
    except OSError as error:
        raise ConfigurationError(f"SECRETS_DIR: {folder} cannot be read: {error.strerror}.") from None
    for path in found:
        if unreadable := env_file_problem(path):
            raise ConfigurationError(f"SECRETS_DIR: {unreadable}")


def _describe(location: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{str(location[0]).upper()}: {message}" if location else message
