"""Settings from files, as Docker and systemd pass secrets; and what a migration needs, which is none of them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import ConfigurationError, load_settings
from tests.conftest import SECRET, TestDatabase
from tests.end_to_end.conftest import project
from tests.end_to_end.project import Project
from tests.operations.commands import settings_names

__all__ = ["project"]

URL = "postgresql://api:pass@db/todo"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SECRETS_DIR, and no other settings."""
    for name in settings_names():
        monkeypatch.delenv(name, raising=False)
    found = tmp_path / "secrets"
    found.mkdir()
    monkeypatch.setenv("SECRETS_DIR", str(found))
    return found


def test_each_file_is_a_setting_in_whatever_case_and_without_its_last_newline(folder: Path) -> None:
    (folder / "better_auth_secret").write_text(f"{SECRET}\n")
    (folder / "DATABASE_URL").write_text(f"{URL}\n")
    (folder / "of_somebody_else").write_bytes(b"\xff")
    settings = load_settings(None)
    assert settings.better_auth_secret is not None
    assert settings.database_url is not None
    assert settings.better_auth_secret.get_secret_value() == SECRET
    assert settings.database_url.get_secret_value() == URL


def test_an_empty_file_is_unset_and_a_byte_order_mark_no_part_of_a_secret(folder: Path) -> None:
    """As an empty variable is, and as `.env` is read: a key of a mounted secret is emptied, and not taken away."""
    (folder / "better_auth_secret").write_bytes(b"\xef\xbb\xbf" + SECRET.encode())
    for name in ("better_auth_secret_previous", "better_auth_url", "web_concurrency", "database_url_unpooled"):
        (folder / name).write_text("\n")
    settings = load_settings(None)
    assert settings.better_auth_secret is not None
    assert settings.better_auth_secret.get_secret_value() == SECRET
    assert settings.model_fields_set == {"better_auth_secret", "secrets_dir"}


def test_as_docker_and_kubernetes_mount_them_files_may_be_links(folder: Path) -> None:
    (folder / "..data").mkdir()
    (folder / "..data" / "BETTER_AUTH_SECRET").write_text(SECRET)
    (folder / "BETTER_AUTH_SECRET").symlink_to("..data/BETTER_AUTH_SECRET")
    assert load_settings(None).better_auth_secret is not None


def test_variables_and_the_environment_file_win(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "better_auth_secret").write_text(SECRET)
    (folder / "port").write_text("1")
    (folder / "log_level").write_text("ERROR")
    (tmp_path / ".env").write_text("PORT=2\nLOG_LEVEL=WARNING\n")
    monkeypatch.setenv("PORT", "3")
    settings = load_settings(tmp_path / ".env")
    assert (settings.port, settings.log_level) == (3, "WARNING")


def test_the_environment_file_may_say_where_they_are(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "better_auth_secret").write_text(SECRET)
    monkeypatch.delenv("SECRETS_DIR")
    (tmp_path / ".env").write_text(f"SECRETS_DIR={folder}\n")
    assert load_settings(tmp_path / ".env").better_auth_secret is not None


def test_what_cannot_be_read_is_said_and_not_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "better_auth_secret").write_text(SECRET)
    (folder / "database_url").mkdir()
    with pytest.raises(ConfigurationError, match=r"SECRETS_DIR: .*database_url cannot be read"):
        load_settings(None)
    (folder / "database_url").rmdir()
    (folder / "database_url").write_bytes(URL.encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"SECRETS_DIR: .*database_url is not UTF-8"):
        load_settings(None)
    for place in (folder / "database_url", folder / "nowhere"):
        monkeypatch.setenv("SECRETS_DIR", str(place))
        with pytest.raises(ConfigurationError, match=r"SECRETS_DIR: .* cannot be read"):
            load_settings(None)


def test_a_weak_secret_in_a_file_is_named_and_not_shown(folder: Path) -> None:
    (folder / "better_auth_secret").write_text("hidden-word")
    with pytest.raises(ConfigurationError, match="BETTER_AUTH_SECRET") as raised:
        load_settings(None)
    assert "hidden-word" not in str(raised.value)


@pytest.mark.slow
def test_a_migration_needs_the_url_of_the_database_and_nothing_else(
    project: Project, make_database: Callable[[], TestDatabase]
) -> None:
    url = make_database().proxied_url
    done = project.run(sys.executable, "-m", "alembic", "upgrade", "head", APP_ENV="production", DATABASE_URL=url)
    assert done.returncode == 0, done.stdout + done.stderr
    secrets = project.root / "secrets"
    secrets.mkdir()
    (secrets / "database_url").write_text(url)
    done = project.run(sys.executable, "-m", "alembic", "current", APP_ENV="production", SECRETS_DIR=str(secrets))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(head)" in done.stdout
