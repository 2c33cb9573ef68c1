"""The settings of a deployment: environment variables and `.env`, checked once before anything starts."""

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.claims import canonical
from core.database_url import check_database_url

PROJECT_ROOT = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["version"]

_PLACEHOLDERS = (
    "change",
    "placeholder",
    "example",
    "your-",
    "your_",
    "better-auth-secret",
    "secret-key",
    "xxxx",
)


class ConfigurationError(Exception):
    """The settings cannot be used. The message names every problem and no value of a secret."""


class Settings(BaseSettings):
    """All settings. Every field is described in `.env.example`; durations are in seconds unless named otherwise."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    app_env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    web_concurrency: int = Field(default=1, ge=1, le=64)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    docs: bool | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    database_url: SecretStr | None = Field(default=None, validate_default=True)
    database_url_unpooled: SecretStr | None = None
    database_pool_size: int = Field(default=10, ge=1, le=100)
    readiness_max_age: float = Field(default=5, ge=0)

    better_auth_secret: SecretStr
    better_auth_secret_previous: SecretStr | None = None
    better_auth_url: str | None = None
    better_auth_issuer: str | None = None
    better_auth_audience: str | None = None
    better_auth_jwks_url: str | None = None
    better_auth_jwks_max_age: float = Field(default=600, ge=1, le=86400)
    auth_local_accounts: bool = True
    access_token_minutes: int = Field(default=15, ge=1, le=1440)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    sign_in_attempts_per_account: int = Field(default=10, ge=1, le=20)
    sign_in_attempts_per_address: int = Field(default=100, ge=1)

    request_timeout: float = Field(default=5, gt=0, le=5)
    head_timeout: float = Field(default=10, gt=0)
    body_timeout: float = Field(default=30, gt=0)
    shutdown_notice: float = Field(default=2, ge=0, le=4)
    max_concurrent_requests: int = Field(default=200, ge=1)
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, _, host = origin.partition("://")
            if scheme not in ("http", "https") or not host or set(host) & set("/*?# "):
                raise ValueError("each origin is scheme://host[:port], without a path or a wildcard")
        return origins

    @field_validator("better_auth_secret", "better_auth_secret_previous")
    @classmethod
    def _strong(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and (problem := _weakness(secret.get_secret_value())):
            raise ValueError(f"{problem}; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'")
        return secret

    @field_validator("better_auth_url", "better_auth_jwks_url")
    @classmethod
    def _http(cls, url: str | None, found: ValidationInfo) -> str | None:
        if url is not None and not _is_http(url):
            raise ValueError("must be http:// or https:// with a host, and nothing but a path behind it")
        if url is not None and found.data.get("better_auth_url", url) is None:
            raise ValueError("needs BETTER_AUTH_URL")
        return url

    @field_validator("database_url", "database_url_unpooled")
    @classmethod
    def _usable_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_database_url(url.get_secret_value())
        return url

    @field_validator("database_url")
    @classmethod
    def _production_needs_a_database(cls, url: SecretStr | None, found: ValidationInfo) -> SecretStr | None:
        if url is None and found.data.get("app_env") == "production":
            raise ValueError("must be set when APP_ENV is production")
        return url

    @property
    def docs_enabled(self) -> bool:
        """Whether the documentation pages and the OpenAPI document are served."""
        return self.docs if self.docs is not None else self.app_env == "development"

    @property
    def jwks_url(self) -> str | None:
        """Where Better Auth publishes its keys; BETTER_AUTH_URL has its base path, or none, as its own baseURL."""
        if self.better_auth_url is None or self.better_auth_jwks_url is not None:
            return self.better_auth_jwks_url
        base = canonical(self.better_auth_url)
        return f"{base}/jwks" if urlsplit(base).path else f"{base}/api/auth/jwks"

    @property
    def token_issuer(self) -> str | None:
        """Whom tokens must name as their issuer, if they must name any."""
        return self.better_auth_issuer or self._better_auth_origin

    @property
    def token_audience(self) -> str | None:
        """Whom tokens must be made for, if for anybody in particular."""
        return self.better_auth_audience or self._better_auth_origin

    @property
    def _better_auth_origin(self) -> str | None:
        return None if self.better_auth_url is None else "/".join(canonical(self.better_auth_url).split("/", 3)[:3])


def load_settings(env_file: Path | None = PROJECT_ROOT / ".env", **values: Any) -> Settings:
    """Settings from the environment, then `env_file`. Raises ConfigurationError that lists all problems."""
    try:
        return Settings(_env_file=env_file, **values)  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [_describe(problem["loc"], problem["msg"]) for problem in error.errors(include_input=False)]
    raise ConfigurationError("The settings cannot be used:\n" + "\n".join(f"  - {line}" for line in lines))


def _describe(location: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    return f"{str(location[0]).upper()}: {message}" if location else message


def _weakness(secret: str) -> str | None:
    if len(secret.encode()) < 32:
        return "must be at least 32 bytes"
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return "is a placeholder"
    steps = [ord(after) - ord(before) for before, after in pairwise(secret)]
    ordered = sum(step in (-1, 0, 1) for step in steps) > len(steps) / 2
    if len(set(secret)) < 8 or secret in (secret + secret)[1:-1] or ordered:
        return "follows a pattern"
    return None


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and _is_plain(url)
    except ValueError:
        return False


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and not set(url) & set("@?# \\")
