"""The settings of a deployment: environment variables and `.env`, checked once before anything starts."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from core import urls
from core.secret_strength import weakness
from core.settings_base import NAME, PROJECT_ROOT, VERSION, ConfigurationError, DatabaseSettings, doubts, load

__all__ = [
    "NAME",
    "PROJECT_ROOT",
    "VERSION",
    "ConfigurationError",
    "Settings",
    "doubtful_names",
    "load_database_settings",
    "load_settings",
]

ENV_FILE = PROJECT_ROOT / ".env"


class Settings(DatabaseSettings):
    """All settings. Every field is described in `.env.example`; durations are in seconds unless named otherwise."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    root_path: str = ""
    web_concurrency: int = Field(default=1, ge=1, le=64)
    log_probes: bool = True
    server_timing: bool = False
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    metrics_host: str = "127.0.0.1"
    docs: bool | None = None
    auth_cookies: bool = False
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    database_pool_size: int = Field(default=10, ge=1, le=100)
    database_connections_per_server: int | None = Field(default=None, ge=1, le=100)
    readiness_max_age: float = Field(default=5, ge=0)
    slow_statement: float = Field(default=0.5, gt=0)
    prepared_statements: bool | None = None

    neon_auth_base_url: str | None = None
    better_auth_url: str | None = None
    better_auth_secret: SecretStr | None = Field(default=None, validate_default=True)
    better_auth_secret_previous: SecretStr | None = None
    better_auth_issuer: Annotated[tuple[str, ...], NoDecode] = ()
    better_auth_audience: Annotated[tuple[str, ...], NoDecode] = ()
    better_auth_jwks_url: str | None = None
    better_auth_jwks_max_age: float = Field(default=600, ge=1, le=86400)
    auth_local_accounts: bool | None = None
    access_token_minutes: int = Field(default=15, ge=1, le=1440)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    sign_in_attempts_per_account: int = Field(default=10, ge=1, le=20)
    sign_in_attempts_per_address: int = Field(default=100, ge=1)

    request_timeout: float = Field(default=5, gt=0, le=5)
    head_timeout: float = Field(default=10, gt=0)
    body_timeout: float = Field(default=30, gt=0)
    keep_alive_timeout: int = Field(default=75, ge=1, le=3600)
    shutdown_notice: float = Field(default=2, ge=0, le=4)
    max_concurrent_requests: int = Field(default=200, ge=1)
    fast_path: bool = True
    http_cache: Literal["no-store", "private"] = "no-store"
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)

    @field_validator("cors_origins", "trusted_proxies", "better_auth_issuer", "better_auth_audience", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins", "trusted_proxies")
    @classmethod
    def _each(cls, entries: tuple[str, ...], found: ValidationInfo) -> tuple[str, ...]:
        check_origin = urls.check_cookie_origin if found.data.get("auth_cookies") else urls.check_origin
        for entry in entries:
            (check_origin if found.field_name == "cors_origins" else urls.check_network)(entry)
        return entries

    @field_validator("neon_auth_base_url", "better_auth_url", "better_auth_jwks_url")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        if url is not None and not urls.is_plain_http(url):
            raise ValueError(
                "must be http:// or https:// with a host, and nothing but a path behind it; without quotes, "
                "and without a reference (${HOST}) that nothing has expanded"
            )
        return url

    @field_validator("better_auth_url")
    @classmethod
    def _one_server(cls, url: str | None, found: ValidationInfo) -> str | None:
        neon = found.data.get("neon_auth_base_url")
        if url is not None and neon is not None and urls.canonical(url) != urls.canonical(neon):
            raise ValueError("names another server than NEON_AUTH_BASE_URL; set the one whose tokens are to be taken")
        return url

    @field_validator("better_auth_jwks_url")
    @classmethod
    def _keys_of_somebody(cls, url: str | None, found: ValidationInfo) -> str | None:
        if url is not None and _is_unset(found, "better_auth_url") and _is_unset(found, "neon_auth_base_url"):
            raise ValueError("needs BETTER_AUTH_URL or NEON_AUTH_BASE_URL, which say whose keys they are")
        return url

    @field_validator("better_auth_secret", "better_auth_secret_previous")
    @classmethod
    def _strong(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and (problem := weakness(secret.get_secret_value())):
            raise ValueError(f"{problem}; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'")
        return secret

    @field_validator("better_auth_secret")
    @classmethod
    def _some_tokens_can_be_verified(cls, secret: SecretStr | None, found: ValidationInfo) -> SecretStr | None:
        if secret is None and _is_unset(found, "neon_auth_base_url"):
            raise ValueError(
                "must be set: the secret that your Better Auth has; with Neon Auth, set NEON_AUTH_BASE_URL instead"
            )
        return secret

    @field_validator("better_auth_secret_previous", "auth_local_accounts")
    @classmethod
    def _needs_the_secret(cls, value: SecretStr | bool | None, found: ValidationInfo) -> SecretStr | bool | None:
        if value and _is_unset(found, "better_auth_secret"):
            raise ValueError("needs BETTER_AUTH_SECRET, which signs the tokens that are made here")
        return value

    @field_validator("root_path")
    @classmethod
    def _plain_path(cls, path: str) -> str:
        path = path.rstrip("/")
        if not urls.is_plain_path(path):
            raise ValueError("must be a path as it stands in a URL: /todo, say")
        if path in ("/docs", "/swagger"):
            raise ValueError("must not be /docs or /swagger, which are pages of this API")
        return path

    @property
    def docs_enabled(self) -> bool:
        """Whether the documentation pages and the OpenAPI document are served."""
        return self.docs if self.docs is not None else self.app_env == "development"

    @property
    def local_accounts_enabled(self) -> bool:
        """Whether people can sign up here. Without a secret nothing could sign their tokens."""
        return self.auth_local_accounts is not False and self.better_auth_secret is not None

    @property
    def jwks_urls(self) -> tuple[str, ...]:
        """Where the keys of the sign-in server may be, the likeliest first; its URL may have a base path."""
        url = self._sign_in_url
        if url is None or self.better_auth_jwks_url is not None:
            return () if self.better_auth_jwks_url is None else (self.better_auth_jwks_url,)
        return urls.of_keys(url, neon=self.neon_auth_base_url is not None)

    @property
    def token_issuers(self) -> tuple[str, ...]:
        """Whom tokens may name as their issuer, if they must name any."""
        return self.better_auth_issuer or self._sign_in_origin

    @property
    def token_audiences(self) -> tuple[str, ...]:
        """Whom tokens may be made for, if for anybody in particular."""
        return self.better_auth_audience or self._sign_in_origin

    @property
    def _sign_in_url(self) -> str | None:
        url = self.neon_auth_base_url or self.better_auth_url
        return None if url is None else urls.canonical(url)

    @property
    def _sign_in_origin(self) -> tuple[str, ...]:
        return () if self._sign_in_url is None else (urls.origin_of(self._sign_in_url),)


def load_settings(env_file: Path | None = ENV_FILE, **values: Any) -> Settings:
    """Settings from the environment, then `env_file`, then files. Raises ConfigurationError that lists all problems."""
    return load(Settings, env_file, **values)


def doubtful_names(settings: Settings, env_file: Path | None = ENV_FILE) -> dict[str, str]:
    """For each name beside `settings` that is none, but nearly one, half a sentence: it was ignored."""
    return doubts(Settings, env_file, settings.secrets_dir)


def load_database_settings() -> DatabaseSettings:
    """Those that a migration needs: whoever migrates has no secret of Better Auth's. Raises ConfigurationError."""
    return load(DatabaseSettings, ENV_FILE)


def _is_unset(found: ValidationInfo, name: str) -> bool:
    """Whether a setting that was looked at before is not set; one with a problem of its own counts as set."""
    return name in found.data and found.data[name] is None
