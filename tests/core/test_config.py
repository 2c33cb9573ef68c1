"""The settings of a deployment: every problem is named at once, and no value of a secret."""

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.config import ConfigurationError, Settings, doubtful_names, load_settings
from tests.conftest import project_root

# As random as a secret, and the same for every process that runs the tests.
SECRET = hashlib.sha256(b"a secret of the tests").hexdigest()
HEAD = "The settings cannot be used:\n"
MAKE_ONE = "; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
NO_SECRET = "must be set: the secret that your Better Auth has; with Neon Auth, set NEON_AUTH_BASE_URL instead"
NO_ORIGIN = (
    "is no origin, which is scheme://host[:port] and nothing more; the scheme is http, https, capacitor or tauri"
)
TOO_WIDE = (
    "would match other people's sites: * may not be in the last two labels of the host; "
    "right is https://app-*.example.com"
)
UNREADABLE = (
    "is not a URL that PostgreSQL's libpq reads; percent-encode special characters and drop parameters of other drivers"
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has set is not what is tested."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def rejection(**values: object) -> str:
    """The problems, without the line above them."""
    with pytest.raises(ConfigurationError) as raised:
        load_settings(None, **{"better_auth_secret": SECRET, **values})
    message = str(raised.value)
    assert message.startswith(HEAD)
    return message.removeprefix(HEAD)


def test_a_secret_is_all_that_has_to_be_set() -> None:
    settings = load_settings(None, better_auth_secret=SECRET)
    assert settings.better_auth_secret == SecretStr(SECRET)
    assert settings.local_accounts_enabled is True
    assert settings.model_dump(exclude={"better_auth_secret"}) == {
        name: field.default for name, field in Settings.model_fields.items() if name != "better_auth_secret"
    }


def test_every_problem_is_named_at_once() -> None:
    problems = rejection(
        app_env="production",
        log_level="LOUD",
        port="eighty",
        cors_origins="*",
        better_auth_secret="too short",
        database_url_unpooled="mysql://app:hunter2@db/app",
        request_timeout="60",
    )
    assert problems.splitlines() == [
        "  - LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
        "  - DATABASE_URL: must be set when APP_ENV is production",
        "  - DATABASE_URL_UNPOOLED: must start with postgres:// or postgresql://",
        "  - PORT: Input should be a valid integer, unable to parse string as an integer",
        f"  - CORS_ORIGINS: '*' {NO_ORIGIN}",
        f"  - BETTER_AUTH_SECRET: must be at least 32 bytes{MAKE_ONE}",
        "  - REQUEST_TIMEOUT: Input should be less than or equal to 5",
    ]


def test_no_value_of_a_secret_is_in_the_message_or_in_what_is_printed_of_the_settings() -> None:
    values = {
        "better_auth_secret": "hunter1-hunter1-hunter1-hunter1-hunter1-",
        "database_url": "postgresql://app:hunter2@db/app?pgbouncer=true",
        "database_url_unpooled": "postgresql://app:hunter3@db:port/app",
    }
    with pytest.raises(ConfigurationError) as raised:
        load_settings(None, **values)
    assert "hunter" not in str(raised.value)
    assert raised.value.__context__ is None, "a traceback would show the cause"
    settings = load_settings(None, better_auth_secret=SECRET, database_url="postgresql://app:hunter2@db/app")
    assert SECRET not in repr(settings) + str(settings)
    assert "hunter2" not in repr(settings) + str(settings)


@pytest.mark.parametrize("name", ["better_auth_secret", "better_auth_secret_previous"])
def test_a_weak_secret_is_rejected_with_a_way_to_make_one(name: str) -> None:
    """What is weak: tests/core/test_secret_strength.py."""
    problem = "is published, so that anybody can sign with it"
    published = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
    assert rejection(**{name: published}) == f"  - {name.upper()}: {problem}{MAKE_ONE}"


def test_the_secret_before_this_one_is_as_strong() -> None:
    assert rejection(better_auth_secret_previous="short") == (
        f"  - BETTER_AUTH_SECRET_PREVIOUS: must be at least 32 bytes{MAKE_ONE}"
    )
    settings = load_settings(None, better_auth_secret=SECRET, better_auth_secret_previous=SECRET[::-1])
    assert settings.better_auth_secret_previous == SecretStr(SECRET[::-1])


def test_a_missing_secret_is_rejected() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(None)
    assert str(raised.value) == f"{HEAD}  - BETTER_AUTH_SECRET: {NO_SECRET}"


def test_a_name_that_is_nearly_a_setting_is_told_beside_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file, secrets_dir = tmp_path / "env", tmp_path / "secrets"
    secrets_dir.mkdir()
    (secrets_dir / "better_auth_secrt").write_text(SECRET)
    env_file.write_text(f"CORS_ORIGIN=https://app.example.com\nSECRETS_DIR={secrets_dir}\nLOG_LEVELS=\nPAGE=1\n")
    monkeypatch.setenv("DATABASE_URI", "postgresql://db/app")
    with pytest.raises(ConfigurationError) as raised:
        load_settings(env_file)
    assert str(raised.value).removeprefix(HEAD).splitlines() == [
        f"  - BETTER_AUTH_SECRET: {NO_SECRET}",
        "  - BETTER_AUTH_SECRT: no setting has this name; BETTER_AUTH_SECRET may be meant",
        "  - CORS_ORIGIN: no setting has this name; CORS_ORIGINS may be meant",
        "  - DATABASE_URI: no setting has this name; DATABASE_URL may be meant",
    ]


def test_a_name_beside_the_setting_that_it_is_like_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Better Auth's own BETTER_AUTH_SECRETS is."""
    monkeypatch.setenv("BETTER_AUTH_SECRETS", f"2:{SECRET}")
    settings = load_settings(None, better_auth_secret=SECRET)
    assert doubtful_names(settings, None) == {
        "BETTER_AUTH_SECRETS": "no setting has this name; BETTER_AUTH_SECRET may be meant"
    }
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    assert doubtful_names(load_settings(None), None) == {}


@pytest.mark.parametrize("level", ["warning", "Warning", "WARNING"])
def test_a_log_level_is_taken_in_whatever_case(level: str) -> None:
    assert load_settings(None, better_auth_secret=SECRET, log_level=level).log_level == "WARNING"


@pytest.mark.parametrize("name", ["database_url", "database_url_unpooled"])
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://app:pw@db/app", "must start with postgres:// or postgresql://"),
        ("postgresql+asyncpg://app:pw@db/app", "must start with postgres:// or postgresql://"),
        ("host=db dbname=app", "must start with postgres:// or postgresql://"),
        ("postgresql://app:pw@db/app?pgbouncer=true", UNREADABLE),
        ("postgresql://app:pw@db/app?schema=public", UNREADABLE),
        ("postgresql://app:p%zz@db/app", UNREADABLE),
        ("postgresql://app:pw@[::1/app", UNREADABLE),
        ("postgresql:///app", "must name a host and a database"),
        ("postgresql://app:pw@db", "must name a host and a database"),
        ("postgresql://app:pw@db/", "must name a host and a database"),
        ("postgresql://app:hid@den@db/app", "has an @ in the user or the password: write %40"),
        ("postgresql://app:hid@den/word@db/app?x=a@b", "has an @ in the user or the password: write %40"),
        ("postgresql://app:hid/den@db/app", "must have a port between 1 and 65535, and %2F for a / in the password"),
        (
            "postgresql://app:pw@db:postgres/app",
            "must have a port between 1 and 65535, and %2F for a / in the password",
        ),
        ("postgresql://app:pw@db:0/app", "must have a port between 1 and 65535, and %2F for a / in the password"),
        (
            "postgresql://app:pw@one:5432,two:65536/app",
            "must have a port between 1 and 65535, and %2F for a / in the password",
        ),
        (
            "postgresql://app:pw@db/app?sslmode=required",
            "has an unknown sslmode; it is one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        (
            "postgresql://app:pw@db/app?channel_binding=yes",
            "has an unknown channel_binding; it is one of disable, prefer, require",
        ),
        (
            "postgresql://app:pw@one,two/app?target_session_attrs=master",
            "has an unknown target_session_attrs; "
            "it is one of any, read-write, read-only, primary, standby, prefer-standby",
        ),
        (
            "postgresql://app:pw@one,two/app?load_balance_hosts=yes",
            "has an unknown load_balance_hosts; it is one of disable, random",
        ),
        ("postgresql://app:pw@db/app?connect_timeout=soon", "must have a connect_timeout in whole seconds"),
        ("postgresql://app:pw@db/app?connect_timeout=", "must have a connect_timeout in whole seconds"),
        ("postgresql://app@/app?host=a,b,c&port=1,2", "must have one port, or one for each host"),
        ("postgresql://app@/app?hostaddr=10.0.0.1&port=1,2", "must have one port, or one for each host"),
        ("postgresql://app@/app?host=a,b&hostaddr=10.0.0.1", "must have as many addresses in hostaddr as hosts"),
    ],
)
def test_an_unusable_url_is_rejected(name: str, url: str, problem: str) -> None:
    assert rejection(**{name: url}) == f"  - {name.upper()}: {problem}"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://app:pw@db/app",
        "postgresql://app:p%40ss%2Fword@db:5433/app",
        "postgresql://app:pw@one:5432,two/app?target_session_attrs=read-write",
        "postgresql://app:pw@[::1]:5432/app",
        "postgresql://app@/app?host=/run/postgresql",
        "postgresql://app@/app?hostaddr=10.0.0.1",
        "postgresql://app@/app?hostaddr=10.0.0.1,::1&port=5432,5433",
        "postgresql://app@/app?host=a,b&hostaddr=,10.0.0.1&port=5432&load_balance_hosts=random",
        "postgresql://app@[::1]:5432,two/app?target_session_attrs=prefer-standby&connect_timeout=-1",
        "postgresql://app:pw@ep-calm-sea-123-pooler.eu-central-1.aws.neon.tech/app?sslmode=require&channel_binding=require",
    ],
)
def test_a_usable_url_is_taken_as_it_is(url: str) -> None:
    settings = load_settings(None, better_auth_secret=SECRET, database_url=url)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


def test_production_starts_with_a_database_url_and_without_documentation() -> None:
    url = "postgresql://app:pw@db/app"
    production = {"better_auth_secret": SECRET, "app_env": "production", "database_url": url}
    assert load_settings(None, **production).docs_enabled is False
    assert load_settings(None, **production, docs="true").docs_enabled is True


def test_development_serves_documentation_unless_told_not_to() -> None:
    assert load_settings(None, better_auth_secret=SECRET).docs_enabled is True
    assert load_settings(None, better_auth_secret=SECRET, docs="false").docs_enabled is False


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ("*", NO_ORIGIN),
        ("null", NO_ORIGIN),
        ("app.example.com", NO_ORIGIN),
        ("ftp://a.example", NO_ORIGIN),
        ("https://", NO_ORIGIN),
        ("https://a.example/", NO_ORIGIN),
        ("https://a.example/app", NO_ORIGIN),
        ("https://a.example?x", NO_ORIGIN),
        ("https://a.example#x", NO_ORIGIN),
        ("https://me@a.example", NO_ORIGIN),
        ("https://a b.example", NO_ORIGIN),
        ("https://bücher.example", NO_ORIGIN),
        ("https://a.example:*", NO_ORIGIN),
        ("*://a.b.example", NO_ORIGIN),
        ("https://[::1*]", NO_ORIGIN),
        ("https://A.example", "never comes: browsers send it as https://a.example"),
        ("HTTPS://a.example", "never comes: browsers send it as https://a.example"),
        ("https://a.example:443", "never comes: browsers send it as https://a.example"),
        ("http://*.b.example:80", "never comes: browsers send it as http://*.b.example"),
        ("Tauri://localhost", "never comes: browsers send it as tauri://localhost"),
        ("https://*-*.a.example", "has more than one *"),
        ("https://*.*.a.example", "has more than one *"),
        ("https://*", TOO_WIDE),
        ("https://*.com", TOO_WIDE),
        ("https://*.com.", TOO_WIDE),
        ("https://*..com", TOO_WIDE),
        ("https://a.*.com", TOO_WIDE),
        ("https://a.b-*.com", TOO_WIDE),
        ("https://a.b.c*", TOO_WIDE),
        ("capacitor://*", TOO_WIDE),
    ],
)
def test_what_is_no_origin_or_matches_too_much_is_rejected(origin: str, problem: str) -> None:
    assert rejection(cors_origins=f"https://app.example.com, {origin}") == f"  - CORS_ORIGINS: {origin!r} {problem}"


@pytest.mark.parametrize(
    "origin",
    [
        *("https://todo-*.preview.example", "http://*.dev.example.com:3000", "http://app.example.com"),
        *("http://192.0.2.1", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://127.0.0.2"),
        *("capacitor://localhost", "tauri://localhost"),
    ],
)
def test_beside_cookies_an_origin_is_named_in_full_and_of_https(origin: str) -> None:
    given = f"https://app.example.com, {origin}"
    assert load_settings(None, better_auth_secret=SECRET, cors_origins=given).cors_origins[1] == origin
    only = "cookies are for pages of https origins without *, and of http://localhost and http://127.0.0.1"
    problem = f"  - CORS_ORIGINS: {origin!r} cannot stand beside AUTH_COOKIES: {only}"
    assert rejection(cors_origins=given, auth_cookies="true") == problem


@pytest.mark.parametrize(
    "origin",
    [
        *("https://app.example.com", "https://app.example.com:8443", "https://[::1]:8443", "http://localhost"),
        *("http://localhost:5173", "http://127.0.0.1", "http://127.0.0.1:5173"),
    ],
)
def test_beside_cookies_https_and_this_machine_are_taken(origin: str) -> None:
    settings = load_settings(None, better_auth_secret=SECRET, cors_origins=origin, auth_cookies="true")
    assert (settings.cors_origins, settings.auth_cookies) == ((origin,), True)


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:3000", "https://[::1]:8443", "http://192.0.2.1", "https://xn--bcher-kva.example"),
        *("capacitor://localhost", "tauri://localhost", "https://*.a.example", "https://a-*-b.c.example:8443"),
        *("https://a.*.b.example", "https://app-*.vercel.app"),
    ],
)
def test_origins_and_patterns_are_taken_as_they_are(origin: str) -> None:
    assert load_settings(None, better_auth_secret=SECRET, cors_origins=origin).cors_origins == (origin,)


def test_origins_and_proxies_are_lists_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", " https://app.example.com,http://localhost:3000 ,")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1")
    settings = load_settings(None, better_auth_secret=SECRET)
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:3000")
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.1")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings(None, better_auth_secret=SECRET)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert load_settings(None, better_auth_secret=SECRET) == unset
    with pytest.raises(ConfigurationError, match=f"BETTER_AUTH_SECRET: {NO_SECRET}$"):
        load_settings(None)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# a comment\nBETTER_AUTH_SECRET={SECRET}\nPORT=9000\nLOG_LEVEL=ERROR\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("PORT", "9001")
    settings = load_settings(file)
    assert (settings.port, settings.log_level) == (9001, "ERROR")
    assert settings.better_auth_secret == SecretStr(SECRET)


def test_a_file_with_a_byte_order_mark_is_read_from_its_first_name_on(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"BETTER_AUTH_SECRET={SECRET}\nPORT=9000\n", encoding="utf-8-sig")
    assert load_settings(file).better_auth_secret == SecretStr(SECRET)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_that_is_not_utf8_is_named(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"BETTER_AUTH_SECRET={SECRET}\n", encoding=encoding)
    with pytest.raises(ConfigurationError) as raised:
        load_settings(file)
    wanted = f"{file} is not UTF-8: save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8)."
    assert str(raised.value) == wanted


def test_a_file_that_cannot_be_read_is_named_and_one_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert load_settings(tmp_path / ".env", better_auth_secret=SECRET).port == 8000
    with pytest.raises(ConfigurationError) as raised:
        load_settings(tmp_path, better_auth_secret=SECRET)
    assert str(raised.value) == f"{tmp_path} cannot be read: Is a directory."


def test_a_file_may_be_a_pipe_which_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    os.mkfifo(file)
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(file.write_text, f"BETTER_AUTH_SECRET={SECRET}\nPORT=9000\n")
        assert load_settings(file).port == 9000
        written.result()


def test_the_settings_cannot_be_changed() -> None:
    settings = load_settings(None, better_auth_secret=SECRET)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_the_example_file_names_every_setting_with_its_default_and_no_other(tmp_path: Path) -> None:
    example = (project_root() / ".env.example").read_text()
    named = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=(.*)$", example, re.MULTILINE)
    assert sorted(name.lower() for name, _ in named) == sorted(Settings.model_fields)
    file = tmp_path / ".env"
    shown = dict(named) | {"BETTER_AUTH_SECRET": SECRET}
    file.write_text("\n".join(f"{name}={value}" for name, value in shown.items()))
    assert load_settings(file) == load_settings(None, better_auth_secret=SECRET)


def test_the_example_file_as_it_is_does_not_start_anything() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(project_root() / ".env.example")
    assert str(raised.value) == f"{HEAD}  - BETTER_AUTH_SECRET: is a placeholder{MAKE_ONE}"
