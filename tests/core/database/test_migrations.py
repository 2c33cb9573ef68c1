"""Which database is migrated, and to what: the direct URL, to the newest revision."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import ConfigurationError, Settings, load_settings
from core.database import migrations
from tests.conftest import TestDatabase, project_root

DIRECT = "postgresql://app:pw@ep-calm-sea-123.eu-central-1.aws.neon.tech/app?sslmode=require"
POOLED = "postgresql://app:hunter2@ep-calm-sea-123-pooler.eu-central-1.aws.neon.tech/app?sslmode=require"
EMBEDDED = "postgresql://postgres:@/postgres?host=/tmp/data"


def settings(**urls: str) -> Settings:
    return load_settings(None, better_auth_secret=secrets.token_hex(32), **urls)


def test_the_head_is_the_revision_that_an_upgrade_leads_to(make_database: Callable[[], TestDatabase]) -> None:
    database = make_database()
    newest = migrations.head()
    files = [
        path for path in (project_root() / "alembic" / "versions").glob("*.py") if f'"{newest}"' in path.read_text()
    ]
    assert files
    assert database.query("SELECT version_num FROM alembic_version") == [(newest,)]
    migrations.upgrade(database.url)
    assert database.query("SELECT version_num FROM alembic_version") == [(newest,)], "a second time does nothing"


def test_several_newest_revisions_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_branches(tmp_path)
    monkeypatch.setattr(migrations, "PROJECT_ROOT", tmp_path)
    assert migrations.known() == {"first", "left", "right"}
    with pytest.raises(ConfigurationError, match=r"as after a merge: left\.py and right\.py\. "):
        migrations.head()


def plant_branches(folder: Path) -> None:
    """A migration, and two that come after it."""
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    for name, before in (("first", None), ("left", "first"), ("right", "first")):
        (versions / f"{name}.py").write_text(f'revision = "{name}"\ndown_revision = {before and repr(before)}\n')


def test_the_short_name_of_the_scheme_is_taken(make_database: Callable[[], TestDatabase]) -> None:
    database = make_database()
    database.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    migrations.upgrade(database.url.replace("postgresql://", "postgres://"))
    assert database.query("SELECT version_num FROM alembic_version") == [(migrations.head(),)]


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ({}, EMBEDDED),
        ({"database_url": DIRECT}, DIRECT),
        ({"database_url": POOLED, "database_url_unpooled": DIRECT}, DIRECT),
        ({"database_url_unpooled": DIRECT}, DIRECT),
        ({"database_url": "postgresql://app@/app?hostaddr=10.0.0.1"}, "postgresql://app@/app?hostaddr=10.0.0.1"),
        ({"database_url": DIRECT.replace("@", "@one.example,")}, DIRECT.replace("@", "@one.example,")),
        (
            {"database_url": "postgresql://app@my-pooler-host.example/app"},
            "postgresql://app@my-pooler-host.example/app",
        ),
    ],
)
def test_migrations_take_the_direct_url_where_there_is_one(urls: dict[str, str], expected: str) -> None:
    assert migrations.migration_url(settings(**urls), EMBEDDED) == expected


@pytest.mark.parametrize(
    "urls",
    [
        {"database_url": POOLED},
        {"database_url_unpooled": POOLED},
        {"database_url": POOLED.replace("@", "@other.example:5432,")},
        {"database_url": DIRECT, "database_url_unpooled": POOLED},
    ],
)
def test_a_pooler_is_rejected_with_what_to_set(urls: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        migrations.migration_url(settings(**urls), EMBEDDED)
    assert str(raised.value) == (
        "Migrations cannot run through a connection pooler (the host of the URL ends in -pooler). "
        "Set DATABASE_URL_UNPOOLED to the direct URL: the same without -pooler."
    )
