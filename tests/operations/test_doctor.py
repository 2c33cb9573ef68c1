"""The doctor: each of the usual mistakes is one line, with what to set; whoever follows it has an API that works."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.config import Settings, load_settings
from core.database import migrations
from core.operations.doctor import examine
from core.operations.findings import Finding
from core.tokens.advice import ADVICE, advice
from tests.conftest import SECRET, RunningServer, TestDatabase, make_token, project_root
from tests.core.database.spread import install, run_at_owner
from tests.core.database.test_migrations import plant_branches
from tests.core.tokens.key_server import WELL_KNOWN, KeyServer, SigningKey, make_certificate
from tests.end_to_end.project import Project
from tests.operations.commands import environment, run

OTHER_SECRET = secrets.token_hex(32)
Values = Mapping[str, Any]


@dataclass
class Case:
    """A mistake and its mend: settings, the token, and what is done elsewhere. `pattern` matches the one wrong line."""

    pattern: str
    wrong: Values = field(default_factory=dict)
    right: Values = field(default_factory=dict)
    token: str = field(default_factory=lambda: make_token("u1"))
    other_token: str | None = None
    mend: Callable[[], object] = field(default=lambda: None)


@dataclass
class World:
    """What a deployment stands on: a database, a role without rights to change the schema, and a sign-in server."""

    database: TestDatabase
    server: KeyServer
    secure: KeyServer
    key: SigningKey
    monkeypatch: pytest.MonkeyPatch
    certificate: Path

    def token(self, url: str = "", **claims: Any) -> str:
        """As the jwt plugin of the sign-in server signs it."""
        return self.key.token(url or self.server.url, **claims)

    def pooled(self, name: str = "ep-calm-sea-123-pooler.example.com") -> str:
        """The database by a name that a pooler has."""
        return self.database.proxied_url.replace("127.0.0.1", name) + "&hostaddr=127.0.0.1"

    def role(self, *grants: str) -> str:
        """The database's URL for a new role with these grants."""
        name = f"api_{secrets.token_hex(4)}"
        self.database.query(f"CREATE ROLE {name} LOGIN")
        for grant in grants:
            self.database.query(f"GRANT {grant} TO {name}")
        return self.database.proxied_url.replace("postgres@", f"{name}@")


@pytest.fixture
def world(
    make_database: Callable[[], TestDatabase], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    certificate = make_certificate(tmp_path)
    key = SigningKey()
    server, secure = KeyServer(key), KeyServer(key, certificate=certificate)
    yield World(make_database(), server, secure, key, monkeypatch, certificate)
    server.close()
    secure.close()


def wrong_path(world: World) -> Case:
    there = f"{world.server.url}/api/auth/jwks"
    return Case(
        r"keys +the status is 404 at .*/keys: set BETTER_AUTH_JWKS_URL .*",
        {"better_auth_url": world.server.url, "better_auth_jwks_url": f"{world.server.url}/keys"},
        {"better_auth_url": world.server.url, "better_auth_jwks_url": there},
        world.token(),
    )


def http_for_https(world: World) -> Case:
    world.monkeypatch.setenv("SSL_CERT_FILE", str(world.certificate))
    world.server.status, world.server.headers = 301, {"Location": f"{world.secure.url}/api/auth/jwks"}
    return Case(
        r"keys +.*the status is 301, and redirects are not followed: set BETTER_AUTH_URL .*https.*",
        {"better_auth_url": world.server.url},
        {"better_auth_url": world.secure.url},
        world.token(world.secure.url),
    )


def https_for_http(world: World) -> Case:
    return Case(
        r"keys +.*SSL.*: set BETTER_AUTH_URL with http.*",
        {"better_auth_url": world.server.url.replace("http", "https")},
        {"better_auth_url": world.server.url},
        world.token(),
    )


def unknown_authority(world: World) -> Case:
    world.monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return Case(
        r"keys +.*certificate verify failed.*: set SSL_CERT_FILE \(unset now\), in the environment and not in .env, .*",
        {"better_auth_url": world.secure.url},
        {"better_auth_url": world.secure.url},
        world.token(world.secure.url),
        mend=lambda: world.monkeypatch.setenv("SSL_CERT_FILE", str(world.certificate)),
    )


def other_name_in_the_certificate(world: World) -> Case:
    world.monkeypatch.setenv("SSL_CERT_FILE", str(world.certificate))
    return Case(
        r"keys +.*is not valid for 'localhost'.*: set BETTER_AUTH_URL with a name that its certificate is for",
        {"better_auth_url": world.secure.url.replace("127.0.0.1", "localhost")},
        {"better_auth_url": world.secure.url},
        world.token(world.secure.url),
    )


def http_where_https_is_spoken(world: World) -> Case:
    world.monkeypatch.setenv("SSL_CERT_FILE", str(world.certificate))
    return Case(
        r"keys +http://.*: set BETTER_AUTH_URL with https, .*",
        {"better_auth_url": world.secure.url.replace("https", "http")},
        {"better_auth_url": world.secure.url},
        world.token(world.secure.url),
    )


def something_else(world: World) -> Case:
    there, world.server.path, world.server.body = world.server.path, "/", b"<!doctype html>"

    def mend() -> None:
        world.server.path, world.server.body = there, None

    return Case(
        r"keys +http://.*/: The text is not valid JSON; something else is there: set BETTER_AUTH_JWKS_URL to where .*",
        {"better_auth_url": world.server.url, "better_auth_jwks_url": f"{world.server.url}/"},
        {"better_auth_url": world.server.url},
        world.token(),
        mend=mend,
    )


def trailing_slash(world: World) -> Case:
    there = f"{world.server.url}/api/auth/jwks"
    return Case(
        r"keys +the status is 404 at .*/jwks/: set BETTER_AUTH_JWKS_URL .* without the slash at its end",
        {"better_auth_url": f"{world.server.url}/", "better_auth_jwks_url": f"{there}/"},
        {"better_auth_url": f"{world.server.url}/", "better_auth_jwks_url": there},
        world.token(),
    )


def slash_of_an_origin(world: World) -> Case:
    return Case(
        r"settings +CORS_ORIGINS: 'https://app.example.com/' .*",
        {"better_auth_url": world.server.url, "cors_origins": ("https://app.example.com/",)},
        {"better_auth_url": world.server.url, "cors_origins": ("https://app.example.com",)},
        world.token(),
    )


def base_path(world: World) -> Case:
    world.server.path = "/identity/jwks"
    return Case(
        r"keys +the status is 404 at .*/api/auth/jwks, .*: add jwt\(\) .* set BETTER_AUTH_URL .* with its basePath.*",
        {"better_auth_url": world.server.url},
        {"better_auth_url": f"{world.server.url}/identity"},
        world.token(),
    )


def audience(world: World) -> Case:
    return Case(
        r"token +audience_mismatch \(expected .*, actual todo\): .*BETTER_AUTH_AUDIENCE.*",
        {"better_auth_url": world.server.url},
        {"better_auth_url": world.server.url, "better_auth_audience": ("todo",)},
        world.token(aud="todo"),
    )


def audience_of_a_secret(world: World) -> Case:
    return Case(
        r"token +audience_not_configured \(actual todo\): set BETTER_AUTH_AUDIENCE .*",
        {},
        {"better_auth_audience": ("todo",)},
        make_token("u1", aud="todo"),
    )


def issuer(world: World) -> Case:
    public = "https://app.example.com"
    return Case(
        r"token +issuer_mismatch \(expected http://127.*, actual https://app.example.com\): .*BETTER_AUTH_ISSUER.*",
        {"better_auth_url": world.server.url, "better_auth_audience": (public,)},
        {"better_auth_url": world.server.url, "better_auth_audience": (public,), "better_auth_issuer": (public,)},
        world.token(public),
    )


def secret_where_keys_are_published(world: World) -> Case:
    return Case(
        r"token +algorithm_not_configured: .*published key: set BETTER_AUTH_URL .*",
        {},
        {"better_auth_url": world.server.url},
        world.token(),
    )


def keys_where_a_secret_signs(world: World) -> Case:
    world.server.path = WELL_KNOWN
    neon = {"neon_auth_base_url": f"{world.server.url}/api/auth"}
    return Case(
        r"token +algorithm_not_configured: .*HS256.*: set BETTER_AUTH_SECRET.*",
        {**neon, "better_auth_secret": None},
        neon,
    )


def neon_without_its_path(world: World) -> Case:
    world.server.path = "/neondb/auth/.well-known/jwks.json"
    return Case(
        r"keys +the status is 404 at .*: set NEON_AUTH_BASE_URL as Neon's console has it, with its path",
        {"neon_auth_base_url": world.server.url},
        {"neon_auth_base_url": f"{world.server.url}/neondb/auth"},
        world.token(),
    )


def session_token(world: World) -> Case:
    return Case(
        r"token +session_token: .*send the token of the jwt plugin \(/api/auth/token\)",
        {"better_auth_url": world.server.url},
        {"better_auth_url": world.server.url},
        secrets.token_hex(16),
        world.token(),
    )


def clock(world: World) -> Case:
    world.server.ahead = 600

    def mend() -> None:
        world.server.ahead = 0

    ahead = time.time() + 600
    return Case(
        r"clock +(599|600|601) s behind the sign-in server's: set both by NTP.*",
        {"better_auth_url": world.server.url},
        {"better_auth_url": world.server.url},
        world.token(iat=ahead, exp=ahead + 900),
        world.token(),
        mend,
    )


def rotated_key(world: World) -> Case:
    return Case(
        r"token +unknown_key: its key is not published any more, get another token.*BETTER_AUTH_URL.*",
        {"better_auth_url": world.server.url},
        {"better_auth_url": world.server.url},
        SigningKey(kid="gone").token(world.server.url),
        world.token(),
    )


def other_secret(world: World) -> Case:
    return Case(
        r"token +wrong_signature: set BETTER_AUTH_SECRET to the same .*",
        {},
        {"better_auth_secret": OTHER_SECRET},
        make_token("u1", secret=OTHER_SECRET),
    )


def localhost_in_a_container(world: World) -> Case:
    own = "http://localhost:9"
    return Case(
        r"keys +http://localhost:9/.*: .*inside a container, localhost is the container itself: "
        r"set BETTER_AUTH_JWKS_URL .*",
        {"better_auth_url": own},
        {"better_auth_url": own, "better_auth_jwks_url": f"{world.server.url}/api/auth/jwks"},
        world.token(own),
    )


def missing_grant(world: World) -> Case:
    url = world.role("USAGE ON SCHEMA todo", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA todo")
    name = re.findall(r"api_\w+", url)[0]
    world.database.query(f"REVOKE DELETE ON todo.tasks FROM {name}")
    return Case(
        r"grants +GRANT DELETE ON todo.tasks TO the role of DATABASE_URL",
        {"database_url": url},
        {"database_url": url},
        mend=lambda: world.database.query(f"GRANT DELETE ON todo.tasks TO {name}"),
    )


def no_grants(world: World) -> Case:
    url = world.role()
    name = re.findall(r"api_\w+", url)[0]
    return Case(
        r"grants +GRANT USAGE ON SCHEMA todo TO the role of DATABASE_URL; GRANT SELECT ON todo.alembic_version .*",
        {"database_url": url},
        {"database_url": url},
        mend=lambda: [world.database.query(sql) for sql in least_grants(name)],
    )


def function_of_a_cluster(world: World) -> Case:
    """Where nobody may run functions by default."""
    install(world.database)
    run_at_owner(world.database)
    world.database.query("REVOKE EXECUTE ON FUNCTION todo.run_at_owner FROM PUBLIC")
    url = world.role()
    name = re.findall(r"api_\w+", url)[0]
    for sql in least_grants(name):
        world.database.query(sql)
    return Case(
        r"grants +GRANT EXECUTE ON FUNCTION todo.run_at_owner TO the role of DATABASE_URL",
        {"database_url": url},
        {"database_url": url},
        mend=lambda: world.database.query(f"GRANT EXECUTE ON FUNCTION todo.run_at_owner TO {name}"),
    )


def pooled_migrations(world: World) -> Case:
    return Case(
        r"migrations +.*pooler.*Set DATABASE_URL_UNPOOLED .*",
        {"database_url": world.pooled()},
        {"database_url": world.pooled(), "database_url_unpooled": world.database.proxied_url},
    )


def migrations_elsewhere(world: World) -> Case:
    elsewhere = re.sub(r"/test_\w+", "/postgres", world.database.proxied_url)
    return Case(
        r"migrations +DATABASE_URL_UNPOOLED leads to the database postgres, DATABASE_URL to test_.*",
        {"database_url_unpooled": elsewhere},
        {"database_url_unpooled": world.database.proxied_url},
    )


def login_of_nobody(world: World) -> Case:
    return Case(
        r"database +cannot connect: .*nobody.*: set the user and the password of DATABASE_URL.*",
        {"database_url": world.database.proxied_url.replace("postgres@", "nobody:hidden-word@")},
        {"database_url": world.database.proxied_url},
    )


def migrations_by_nobody(world: World) -> Case:
    return Case(
        r"migrations +cannot connect: .*nobody.*: set DATABASE_URL_UNPOOLED",
        {"database_url_unpooled": world.database.proxied_url.replace("postgres@", "nobody:hidden-word@")},
        {"database_url_unpooled": world.database.proxied_url},
    )


def host_bits(world: World) -> Case:
    return Case(
        r"settings +TRUSTED_PROXIES: '10.0.0.7/8' has host bits set: write 10.0.0.0/8.*",
        {"trusted_proxies": ("10.0.0.7/8",)},
        {"trusted_proxies": ("10.0.0.0/8",)},
    )


def everybody_a_proxy(world: World) -> Case:
    return Case(
        r"proxy +TRUSTED_PROXIES has 0.0.0.0/0: .*",
        {"trusted_proxies": ("0.0.0.0/0",)},
        {"trusted_proxies": ("127.0.0.1",)},
    )


def foreign_column(world: World) -> Case:
    world.database.query("ALTER TABLE todo.users ADD COLUMN email_verified boolean")
    return Case(
        r"schema +.*todo.users \(email_verified\).*DATABASE_URL.*",
        mend=lambda: world.database.query("ALTER TABLE todo.users DROP COLUMN email_verified"),
    )


def not_migrated(world: World) -> Case:
    (head,) = world.database.query("SELECT version_num FROM todo.alembic_version")
    former = (migrations.known() - {migrations.head()}).pop()
    world.database.query("UPDATE todo.alembic_version SET version_num = %s", former)
    return Case(
        r"schema +the revision is \w+, and \w+ is needed: run alembic upgrade head, with DATABASE_URL .*",
        mend=lambda: world.database.query("UPDATE todo.alembic_version SET version_num = %s", *head),
    )


def no_room(world: World) -> Case:
    (head,) = world.database.query("SELECT version_num FROM todo.alembic_version")
    world.database.query("UPDATE todo.alembic_version SET version_num = 'f00f00f00f00'")
    world.database.query("UPDATE todo.schema_compatibility SET oldest_release = '99.0.0'")
    return Case(
        r"schema +revision f00f00f00f00 has no room for this release: deploy a newer release",
        mend=lambda: world.database.query("UPDATE todo.alembic_version SET version_num = %s", *head),
    )


def server_away(world: World) -> Case:
    return Case(
        r"database +cannot connect: 127.0.0.1:9: .*: start it, or set DATABASE_URL .*",
        {"database_url": "postgresql://api:hidden-word@127.0.0.1:9/todo"},
        {"database_url": world.database.proxied_url},
    )


def no_such_database(world: World) -> Case:
    return Case(
        r'database +cannot connect: .*database "tudu" does not exist: set the name of the database in DATABASE_URL.*',
        {"database_url": re.sub(r"/test_\w+", "/tudu", world.database.proxied_url)},
        {"database_url": world.database.proxied_url},
    )


def may_not_connect(world: World) -> Case:
    url = world.role()
    name, database = re.findall(r"api_\w+", url)[0], re.findall(r"test_\w+", url)[0]
    world.database.query(f"ALTER ROLE {name} CONNECTION LIMIT 0")

    def mend() -> None:
        world.database.query(f"ALTER ROLE {name} CONNECTION LIMIT 5; GRANT CONNECT ON DATABASE {database} TO {name}")
        for sql in least_grants(name):
            world.database.query(sql)

    return Case(
        r"database +cannot connect: .*too many connections.*: allow more .*",
        {"database_url": url},
        {"database_url": url, "database_pool_size": 2},
        mend=mend,
    )


def takes_no_writes(world: World) -> Case:
    url = world.role()
    name = re.findall(r"api_\w+", url)[0]
    for sql in [*least_grants(name), f"ALTER ROLE {name} SET default_transaction_read_only = on"]:
        world.database.query(sql)
    return Case(
        r"database +the server takes no writes: .*default_transaction_read_only.*",
        {"database_url": url, "database_url_unpooled": world.database.proxied_url},
        {"database_url": url, "database_url_unpooled": world.database.proxied_url},
        mend=lambda: world.database.query(f"ALTER ROLE {name} RESET default_transaction_read_only"),
    )


def keys_in_trouble(world: World) -> Case:
    world.server.status = 500

    def mend() -> None:
        world.server.status = 200

    return Case(
        r"keys +.*: the status is 500: something responds there, and does not give the keys.*",
        {"better_auth_url": world.server.url},
        {"better_auth_url": world.server.url},
        world.token(),
        mend=mend,
    )


MISTAKES = [
    *(wrong_path, http_for_https, https_for_http, unknown_authority, trailing_slash, slash_of_an_origin, base_path),
    *(audience, audience_of_a_secret, issuer, secret_where_keys_are_published, keys_where_a_secret_signs),
    *(session_token, clock, rotated_key, other_secret, localhost_in_a_container, missing_grant, no_grants),
    *(pooled_migrations, migrations_elsewhere, migrations_by_nobody, login_of_nobody, host_bits, everybody_a_proxy),
    *(foreign_column, not_migrated, no_room, server_away, no_such_database, may_not_connect, takes_no_writes),
    *(keys_in_trouble, other_name_in_the_certificate, http_where_https_is_spoken, something_else),
    *(function_of_a_cluster, neon_without_its_path),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.__name__)
def test_a_mistake_is_one_line_and_whoever_follows_it_is_served(
    mistake: Callable[[World], Case], world: World, start_server: Callable[..., RunningServer]
) -> None:
    case = mistake(world)
    found = findings(world, case.wrong, case.token)
    (line,) = [str(one) for one in found if one.state == "wrong"]
    assert re.fullmatch(f"wrong +{case.pattern}", line)
    shown = "\n".join(map(str, found))
    assert not [one for one in (SECRET, OTHER_SECRET, case.token, "hidden-word") if one and one in shown]
    case.mend()
    token = case.other_token or case.token
    found = findings(world, case.right, token)
    assert [str(one) for one in found if one.state == "wrong"] == []
    assert "ok" in {one.state for one in found if one.subject == "token"}
    server = start_server(**{"database_url": world.database.proxied_url, **case.right})
    served = httpx.get(f"{server.url}/api/v1/users/me/tasks", headers=bearer(token), trust_env=False)
    assert served.status_code == 200, served.text


def bearer(token: str) -> dict[str, str]:
    """The header that sends it."""
    return {"Authorization": f"Bearer {token}"}


def findings(world: World, values: Values, token: str | None = None, url: str | None = None) -> list[Finding]:
    """Of the deployment with these settings, without this machine's environment file."""
    merged = {"better_auth_secret": SECRET, "database_url": world.database.proxied_url, **values}

    def load() -> Settings:
        return load_settings(None, **merged)

    async def all_of_them() -> list[Finding]:
        return [one async for one in examine(load, token, url)]

    return asyncio.run(all_of_them())


def least_grants(role: str) -> list[str]:
    """As the document has them."""
    text = (project_root() / "docs/operations.md").read_text()
    return [sql.replace("todo_api", role) for sql in re.findall(r"^GRANT .* TO todo_api;$", text, re.MULTILINE)]


def test_the_document_shows_what_is_printed(world: World) -> None:
    """But for versions, names and addresses."""
    deployment = missing_grant(world).wrong
    proxied = {"app_env": "production", "trusted_proxies": ("10.0.0.0/8",), "database_url_unpooled": world.database.url}
    elsewhere = {"better_auth_url": world.server.url, "better_auth_jwks_url": None}
    world.server.path = "/identity/jwks"
    printed = [str(one) for one in findings(world, {**deployment, **proxied, **elsewhere}, world.token())]
    text = (project_root() / "docs/operations.md").read_text()
    shown = text.partition("## The doctor")[2].partition("```text\n")[2].partition("\n```")[0].splitlines()
    assert [_masked(line) for line in printed] == [_masked(line) for line in shown]


def _masked(line: str) -> str:
    line = re.sub(r"https?://[\w.:]+", "ORIGIN", re.sub(r"PostgreSQL [\d.]+", "PostgreSQL", line))
    return re.sub(r"(database|role) (?!is)\w+", r"\1 NAME", line)


def test_every_reason_of_a_rejected_token_has_its_advice() -> None:
    sources = (project_root() / "core/tokens").glob("*.py")
    texts = "".join(path.read_text() for path in sources)
    quoted = re.findall(r'TokenError\(\s*"(\w+)"|"(session_token|not_a_jwt)"|, "(malformed_\w+)"\)', texts)
    names = {"".join(one) for one in quoted} | {f"malformed_{one}" for one in ("exp", "nbf", "iat")}
    assert len(names) > 20
    assert names - {"algorithm_not_configured"} == set(ADVICE)
    for setting in ("BETTER_AUTH_URL", "BETTER_AUTH_SECRET", None):
        assert (setting or "sign with") in advice("algorithm_not_configured", {"setting": setting})


def test_what_is_no_mistake_is_a_note_or_skipped(world: World) -> None:
    world.server.keys = []
    production = {"app_env": "production", "better_auth_url": world.server.url, "host": "0.0.0.0"}
    notes = [one for one in findings(world, production) if one.state == "note"]
    assert [one.subject for one in notes] == ["grants", "keys", "proxy"]
    assert "superuser" in notes[0].text
    assert "TRUSTED_PROXIES" in notes[2].text


def test_a_database_that_says_nothing_is_told_as_such(world: World) -> None:
    world.monkeypatch.setattr("core.operations.doctor_database.SECONDS", 0.5)
    world.database.proxy.pause()
    (line,) = [str(one) for one in findings(world, {}) if one.state == "wrong"]
    assert line.startswith("wrong    database    no response within 0.5 s: start it, or set DATABASE_URL to a server")


def test_indexes_that_are_gone_or_half_built_are_told_with_what_makes_them(world: World) -> None:
    world.database.query("DROP INDEX todo.ix_tasks_title")
    world.database.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'todo.ix_tasks_counts'::regclass")
    (line,) = [one for one in findings(world, {}) if one.state == "wrong"]
    before, _, statements = line.text.partition(" run one at a time: ")
    assert (line.subject, before) == (
        "schema",
        "without ix_tasks_counts, ix_tasks_title, statements are slow; as the tables' owner,",
    )
    with closing(world.database.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for sql in statements.split("; "):
            cursor.execute(sql)
    assert [str(one) for one in findings(world, {}) if one.state == "wrong"] == []


def test_a_misspelt_setting_is_a_note(world: World) -> None:
    world.monkeypatch.setenv("TRUSTED_PROXY", "10.0.0.1")
    told = [str(one) for one in findings(world, {}) if one.subject == "settings"]
    assert told == [
        "ok       settings    for development",
        "note     settings    TRUSTED_PROXY: no setting has this name; TRUSTED_PROXIES may be meant",
    ]


@pytest.mark.parametrize("host", ["/tmp/api.sock", "localhost", "127.0.0.1"])
def test_who_is_reached_from_this_machine_alone_needs_no_proxy(world: World, host: str) -> None:
    found = findings(world, {"app_env": "production", "host": host})
    assert ("ok", "proxy") in {(one.state, one.subject) for one in found}


def test_a_public_name_that_is_not_found_is_not_called_a_container(world: World) -> None:
    (line,) = [
        str(one)
        for one in findings(world, {"better_auth_url": "http://nobody.invalid"}, world.token())
        if one.state == "wrong"
    ]
    assert "BETTER_AUTH_JWKS_URL" in line
    assert "container" not in line


def test_a_certificate_that_has_expired_is_the_server_s_to_renew(world: World, tmp_path: Path) -> None:
    expired = make_certificate(tmp_path, days=-1)
    world.monkeypatch.setenv("SSL_CERT_FILE", str(expired))
    with closing(KeyServer(world.key, certificate=expired)) as server:
        (line,) = [str(one) for one in findings(world, {"better_auth_url": server.url}) if one.state == "wrong"]
    assert re.search(r"certificate has expired.*: let the server renew it$", line)


def test_a_server_without_a_clock_is_passed_over(world: World) -> None:
    world.server.ahead = None
    subjects = {(one.subject, one.state) for one in findings(world, {"better_auth_url": world.server.url})}
    assert ("clock", "skipped") in subjects


def test_keys_that_go_away_between_are_no_verdict_on_the_token(world: World) -> None:
    def go_away_after_two() -> None:  # the keys, the clock
        if world.server.responses == 2:
            world.server.status = 500

    world.server.before = go_away_after_two
    found = findings(world, {"better_auth_url": world.server.url}, world.token())
    (line,) = [str(one) for one in found if one.state == "wrong"]
    assert line.startswith("wrong    token       The keys of the sign-in server cannot be had now")


def test_the_api_is_asked_where_clients_look_for_it(world: World, start_server: Callable[..., RunningServer]) -> None:
    url = start_server(database=world.database).url
    last = [findings(world, {}, token, url)[-1] for token in (None, make_token("u1"))]
    assert [str(one) for one in last] == [
        "ok       url         /health/ready is 200",
        "ok       url         /api/v1/users/me is 200",
    ]
    refused = findings(world, {}, make_token("u1", secret=OTHER_SECRET), url)[-1]
    assert "/api/v1/users/me is 401 invalid_token" in str(refused)
    elsewhere = findings(world, {}, None, f"{url}/todo")[-1]
    assert str(elsewhere).startswith("wrong    url         its path is /todo: set ROOT_PATH")
    assert "not of this API" in str(findings(world, {}, None, world.server.url)[-1])
    away = str(findings(world, {}, None, "http://127.0.0.1:9")[-1])
    assert "not reached" in away
    assert away.endswith("give the URL that the proxy listens at, and let it run")
    assert "set SSL_CERT_FILE" in str(findings(world, {}, None, world.secure.url)[-1])
    world.server.path = "/health/ready"  # as a page that is served for every path
    taken = str(findings(world, {}, None, world.server.url)[-1])
    assert taken.startswith("wrong    url         /health/ready is 200 not of this API: something else is there")
    assert str(findings(world, {}, None, "localhost:80")[-1]).endswith("it has to begin with https:// or http://")
    world.server.status = 502
    assert "no process behind the proxy is ready" in str(findings(world, {}, None, world.server.url)[-1])


def test_who_serves_and_may_not_migrate_is_a_note(world: World) -> None:
    url = world.role()
    name = re.findall(r"api_\w+", url)[0]
    for sql in least_grants(name):
        world.database.query(sql)
    told = [str(one) for one in findings(world, {"database_url": url}) if one.subject == "migrations"]
    assert told == [
        f"note     migrations  {name} of DATABASE_URL may not migrate: run them with the URL of the schema's owner"
    ]


def test_migrations_of_two_branches_are_told(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_branches(tmp_path)
    monkeypatch.setattr(migrations, "PROJECT_ROOT", tmp_path)
    (told,) = [str(one) for one in findings(world, {}) if one.subject == "schema"]
    assert told.startswith("wrong    schema      Several migrations are the newest one, as after a merge: left.py and ")


@pytest.mark.slow
def test_a_column_of_a_migration_of_our_own_is_ours_without_a_model(project: Project) -> None:
    """Before a model has it, and after the last one has lost it: expand, and contract."""
    made = f"""down_revision = "{migrations.head()}"
from alembic import op
from sqlalchemy import Column, Text
revision = "f00f00f00f00"
def upgrade() -> None:
    op.add_column("tasks", Column("colour", Text))
def downgrade() -> None:
    op.drop_column("tasks", "colour")
"""
    (project.folder / "alembic" / "versions" / "29991231_colour.py").write_text(made)
    secret = {"BETTER_AUTH_SECRET": SECRET}
    done = project.run(sys.executable, "-m", "alembic", "upgrade", "head", **secret)
    assert done.returncode == 0, done.stdout + done.stderr
    done = project.run(sys.executable, "-m", "core.operations.doctor", **secret)
    assert "ok       schema      revision f00f00f00f00" in done.stdout


@pytest.mark.slow
def test_in_production_it_writes_nothing(project: Project, database: TestDatabase) -> None:
    """Not by make either: an .env would win over SECRETS_DIR."""
    (project.folder / ".venv").symlink_to(sys.prefix)
    values = {"APP_ENV": "production", "BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.proxied_url}
    done = project.run("make", "doctor", **values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (project.folder / ".env").exists()
    for given in ([f"TOKEN={make_token('u1')}\n"], ["TOKEN=it's"]):  # no text of a shell's, whatever is in it
        done = project.run("make", "doctor", *given, **values)
        assert re.search("^(ok|wrong) +token", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_as_a_command_it_says_the_same_and_its_status_tells(world: World) -> None:
    right = {"DATABASE_URL": world.database.proxied_url, "BETTER_AUTH_SECRET": SECRET, "TOKEN": make_token("u1")}
    done = run("doctor", **right)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok", "skipped"}
    assert done.stderr == ""
    done = run("doctor", **{**right, "TOKEN": make_token("u1", secret=OTHER_SECRET)})
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("wrong")] == ["token"]
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(("header", "status"), [("bearer  {}", 0), ("Bearer {}x", 1)])
def test_whoever_stops_reading_is_told_by_the_status_alone(world: World, header: str, status: int) -> None:
    """As `head -1` does; the token is given as it stands in a header."""
    reading, writing = os.pipe()
    os.close(reading)
    settings = {"DATABASE_URL": world.database.proxied_url, "BETTER_AUTH_SECRET": SECRET}
    done = subprocess.run(
        [sys.executable, "-m", "core.operations.doctor"],
        cwd=project_root(),
        env=environment({**settings, "TOKEN": header.format(make_token("u1"))}),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.slow
def test_without_a_setting_the_embedded_database_is_looked_at(project: Project) -> None:
    done = project.run(sys.executable, "-m", "core.operations.doctor", BETTER_AUTH_SECRET=SECRET)
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if "schema      the revision is none" in line]


@pytest.mark.slow
def test_an_environment_file_that_cannot_be_read_is_said(project: Project) -> None:
    (project.folder / ".env").write_bytes("BETTER_AUTH_SECRET=x".encode("utf-16"))
    done = project.run(sys.executable, "-m", "core.operations.doctor")
    (line,) = done.stdout.splitlines()
    assert line.startswith("wrong    settings")
    assert "UTF-8" in line
