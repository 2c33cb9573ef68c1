"""Beside Better Auth: its tables in the same database are neither altered nor dropped, and are no drift."""

import json

import pytest

from tests.migrations.conftest import PlainDatabase
from tests.migrations.schema import describe, tables

# As `npx @better-auth/cli migrate` makes them, with a row in each.
BETTER_AUTH = """
CREATE TABLE "user" ("id" text NOT NULL PRIMARY KEY, "name" text NOT NULL, "email" text NOT NULL UNIQUE,
    "emailVerified" boolean NOT NULL, "image" text, "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
    "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE TABLE "session" ("id" text NOT NULL PRIMARY KEY, "expiresAt" timestamptz NOT NULL, "token" text NOT NULL UNIQUE,
    "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL, "updatedAt" timestamptz NOT NULL, "ipAddress" text,
    "userAgent" text, "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE);
CREATE TABLE "account" ("id" text NOT NULL PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
    "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE, "accessToken" text, "refreshToken" text,
    "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text,
    "password" text, "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE "verification" ("id" text NOT NULL PRIMARY KEY, "identifier" text NOT NULL, "value" text NOT NULL,
    "expiresAt" timestamptz NOT NULL, "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
    "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE TABLE "jwks" ("id" text NOT NULL PRIMARY KEY, "publicKey" text NOT NULL, "privateKey" text NOT NULL,
    "createdAt" timestamptz NOT NULL, "expiresAt" timestamptz);
CREATE TABLE "rateLimit" ("id" text NOT NULL PRIMARY KEY, "key" text, "count" integer, "lastRequest" bigint);
CREATE INDEX "session_userId_idx" ON "session" ("userId");
CREATE INDEX "account_userId_idx" ON "account" ("userId");
INSERT INTO "user" VALUES ('u1', 'Ada', 'ada@example.com', true);
INSERT INTO "session" VALUES ('s1', now(), 'token', now(), now(), '::1', 'curl', 'u1');
INSERT INTO "account" ("id", "accountId", "providerId", "userId", "updatedAt")
    VALUES ('a1', 'u1', 'email', 'u1', now());
INSERT INTO "verification" VALUES ('v1', 'ada@example.com', 'secret', now());
INSERT INTO "jwks" VALUES ('k1', '{}', '{}', now());
INSERT INTO "rateLimit" VALUES ('r1', 'k', 1, 2);
"""
THEIRS = ("user", "session", "account", "verification", "jwks", "rateLimit")


@pytest.fixture
def shared(empty: PlainDatabase) -> PlainDatabase:
    """A database in which Better Auth was first."""
    empty.query(BETTER_AUTH)
    return empty


def test_migrations_leave_better_auth_alone_and_see_no_drift_in_it(shared: PlainDatabase) -> None:
    theirs = describe(shared, "public"), _rows(shared)
    shared.upgrade()
    assert tables(shared) > {"tasks", "users"}
    assert (describe(shared, "public"), _rows(shared)) == theirs
    shared.alembic("check")
    shared.downgrade()
    assert tables(shared) == {"alembic_version"}
    assert (describe(shared, "public"), _rows(shared)) == theirs


def test_better_auth_finds_its_place_in_a_database_that_is_ours(migrated: PlainDatabase) -> None:
    migrated.query("SET search_path = public;" + BETTER_AUTH)
    assert [len(rows) for rows in _rows(migrated).values()] == [1] * len(THEIRS)
    migrated.alembic("check")


def _rows(shared: PlainDatabase) -> dict[str, list[str]]:
    """What their tables hold."""
    return {
        table: [
            json.dumps(row, sort_keys=True) for (row,) in shared.query(f'SELECT to_jsonb(t) FROM public."{table}" t')
        ]
        for table in THEIRS
    }
