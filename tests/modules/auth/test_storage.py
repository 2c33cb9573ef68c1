"""What the database keeps of local accounts: no secret that could be used, and nothing that is over."""

import base64
from collections.abc import Callable

import httpx

from tests.conftest import RunningServer, TestDatabase
from tests.modules.auth.accounts import AUTH, Account, bearer, refresh, sessions, sign_in

# OWASP: argon2id with at least 19 MiB, two passes, one lane.
ARGON2ID = "$argon2id$v=19$m=19456,t=2,p=1$"


def _everything(database: TestDatabase) -> str:
    """All rows of all tables, as text."""
    tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'todo'")
    rows = [row for (table,) in tables for (row,) in database.query(f"SELECT t::text FROM {table} t")]
    return "\n".join(rows)


def test_neither_passwords_nor_tokens_are_stored(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api, "a pass phrase that is nowhere else")
    newest = refresh(api, account.tokens["refresh_token"]).json()
    change = {"current_password": account.password, "new_password": "another phrase that is nowhere else"}
    assert api.post(f"{AUTH}/change-password", json=change, headers=bearer(newest)).status_code == 204
    stored = _everything(database)
    secrets = [account.password, change["new_password"]]
    for tokens in (account.tokens, newest):
        token = tokens["refresh_token"]
        secrets += [token, base64.urlsafe_b64decode(token)[16:].hex(), tokens["access_token"]]
    assert account.user_id in stored
    assert [secret for secret in secrets if secret in stored] == []
    hashes = database.query("SELECT password_hash FROM local_accounts WHERE user_id = %s", account.user_id)
    assert hashes[0][0].startswith(ARGON2ID)


def test_the_same_password_is_stored_differently_each_time(api: httpx.Client, database: TestDatabase) -> None:
    """It has a salt."""
    accounts = [Account.new(api).user_id for _ in range(2)]
    hashes = database.query("SELECT password_hash FROM local_accounts WHERE user_id = ANY(%s)", accounts)
    assert len(set(hashes)) == 2


def test_signing_in_removes_the_sessions_that_are_over(api: httpx.Client, database: TestDatabase) -> None:
    """One's own: the table does not grow with those who come every day, and needs no worker."""
    account, other = Account.new(api), Account.new(api)
    for _ in range(2):
        sign_in(api, account.email)
    expire = "UPDATE local_sessions SET expires_at = now() - interval '1 second' WHERE user_id = ANY(%s)"
    database.query(expire, [account.user_id, other.user_id])
    kept = sign_in(api, account.email).json()["refresh_token"]
    assert (sessions(database, account), sessions(database, other)) == (1, 1)
    assert refresh(api, kept).status_code == 200


def test_signing_in_removes_throttles_that_are_settled(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Some with each, so that none pays for all; those that still count stay."""
    database = make_database()
    with httpx.Client(base_url=start_server(database=database).url, timeout=20) as api:
        account = Account.new(api)
        database.query(
            "INSERT INTO sign_in_throttles (key, settled_at, allowed)"
            " SELECT 'old' || i, now() - interval '1 hour', true FROM generate_series(1, 50) i"
            " UNION ALL SELECT 'new', now() + interval '1 hour', true"
        )
        left = []
        for _ in range(3):
            assert sign_in(api, account.email).status_code == 200
            left.append(database.query("SELECT count(*) FROM sign_in_throttles WHERE key LIKE 'old%%'")[0][0])
    assert left == [30, 10, 0]
    # What still counts: the one above, and the address that the sign-ins and the sign-up came from. The account is
    # forgiven.
    assert database.query("SELECT count(*) FROM sign_in_throttles") == [(3,)]
