"""The throttle of sign-ins: by account and by address, over all processes, and without shutting anybody else out."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from main import create_app
from tests.conftest import RunningServer, TestDatabase, assert_problem, make_settings
from tests.modules.auth.accounts import Account, new_email, sign_in, sign_up

pytestmark = pytest.mark.slow

# What the servers of this file allow: four in fifteen minutes, then one each time that a quarter of them is over.
ALLOWED = 4
SPACING = 225


@pytest.fixture(scope="module")
def servers(own: TestDatabase, start_server: Callable[..., RunningServer]) -> Iterator[list[httpx.Client]]:
    """Clients of two servers on that database; their throttle by address is out of the way."""
    settings = {"sign_in_attempts_per_account": ALLOWED, "sign_in_attempts_per_address": 1_000_000}
    clients = [httpx.Client(base_url=start_server(database=own, **settings).url, timeout=20) for _ in range(2)]
    yield clients
    for client in clients:
        client.close()


def _statuses(api: httpx.Client, email: str, count: int, **options: Any) -> list[int]:
    return [sign_in(api, email, "wrong password", **options).status_code for _ in range(count)]


def _wait(database: TestDatabase, seconds: float) -> None:
    """As if that much time had passed."""
    database.query("UPDATE sign_in_throttles SET settled_at = settled_at - %s * interval '1 second'", seconds)


def test_too_many_tries_are_rejected_with_the_time_to_wait(servers: list[httpx.Client]) -> None:
    api = servers[0]
    account = Account.new(api)
    assert _statuses(api, account.email, ALLOWED) == [401] * ALLOWED
    for password in ("wrong password", account.password):
        rejected = sign_in(api, account.email, password)
        detail = "Too many attempts. Wait before the next."
        assert_problem(rejected, 429, "too_many_attempts", title="Too many attempts", detail=detail)
        assert SPACING - 30 < int(rejected.headers["retry-after"]) <= SPACING
        assert "www-authenticate" not in rejected.headers


def test_who_waits_as_told_has_one_more_try(servers: list[httpx.Client], own: TestDatabase) -> None:
    """And the rejected tries did not make it longer."""
    api, email = servers[0], new_email()
    assert _statuses(api, email, ALLOWED + 5) == [401] * ALLOWED + [429] * 5
    told = int(sign_in(api, email).headers["retry-after"])
    _wait(own, told - 30)
    assert sign_in(api, email).status_code == 429
    _wait(own, 30)
    assert _statuses(api, email, 2) == [401, 429]
    _wait(own, 15 * 60)
    assert _statuses(api, email, ALLOWED + 1) == [401] * ALLOWED + [429]


def test_the_throttle_counts_tries_at_once_one_by_one(servers: list[httpx.Client]) -> None:
    """Over two servers; for an address without an account as for one with."""
    for email in (new_email(), Account.new(servers[0]).email):
        with ThreadPoolExecutor(20) as threads:
            tries = [threads.submit(_statuses, servers[number % 2], email, 2) for number in range(20)]
        statuses = [status for one in tries for status in one.result()]
        assert sorted(statuses) == [401] * ALLOWED + [429] * (40 - ALLOWED)


def test_nothing_that_the_client_varies_lifts_it(servers: list[httpx.Client]) -> None:
    """Neither letter case nor another spelling, nor headers, nor the other server."""
    unique = new_email().split("@")[0]
    emails = [f"{unique}@exämple.com", f"{unique.upper()}@EXÄMPLE.com", f"{unique}@xn--exmple-cua.com"]
    statuses: list[int] = []
    for number in range(15):
        forged = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}", "X-Real-IP": "::1"}
        statuses += _statuses(servers[number % 2], emails[number % 3], 1, headers=forged)
    assert statuses == [401] * ALLOWED + [429] * (15 - ALLOWED)


def test_other_accounts_are_not_concerned(servers: list[httpx.Client]) -> None:
    account = Account.new(servers[0])
    assert _statuses(servers[0], new_email(), ALLOWED + 1)[-1] == 429
    assert sign_in(servers[0], account.email).status_code == 200


def test_success_forgives(servers: list[httpx.Client]) -> None:
    """Who remembers the password at the last try starts afresh."""
    account = Account.new(servers[0])
    assert _statuses(servers[0], account.email, ALLOWED - 1) == [401] * (ALLOWED - 1)
    assert sign_in(servers[0], account.email).status_code == 200
    assert _statuses(servers[1], account.email, ALLOWED + 1) == [401] * ALLOWED + [429]


def test_ten_tries_are_allowed_unless_set_otherwise(api: httpx.Client) -> None:
    """On the server that the other tests share, too: it allows many for an address, and no more for an account."""
    assert _statuses(api, new_email(), 11) == [401] * 10 + [429]


def test_an_address_is_throttled_over_all_accounts(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """A list of stolen credentials is tried once for each account. No proxy is trusted, so no header helps."""
    server = start_server(database=make_database(), sign_in_attempts_per_address=3)
    with httpx.Client(base_url=server.url, timeout=20) as api:
        account = Account.new(api)
        forged = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(3)]
        assert [_statuses(api, new_email(), 1, headers=headers) for headers in forged] == [[401]] * 3
        rejected = sign_in(api, account.email, headers={"X-Forwarded-For": "203.0.113.9"})
        assert_problem(rejected, 429, "too_many_attempts", detail="Too many attempts. Wait before the next.")
        assert 270 < int(rejected.headers["retry-after"]) <= 300
        assert Account.new(api).tokens["token_type"] == "Bearer"


def test_an_address_that_has_no_tries_left_shuts_nobody_out(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    server = start_server(
        database=make_database(),
        sign_in_attempts_per_address=1,
        sign_in_attempts_per_account=ALLOWED,
        trusted_proxies="127.0.0.1",
    )
    with httpx.Client(base_url=server.url, timeout=20) as api:
        account = Account.new(api)
        somebody, owner = ({"X-Forwarded-For": address} for address in ("203.0.113.1", "203.0.113.2"))
        assert _statuses(api, account.email, ALLOWED + 2, headers=somebody) == [401] + [429] * (ALLOWED + 1)
        assert sign_in(api, account.email, headers=owner).status_code == 200


def test_an_address_signs_up_so_often_and_no_more(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Nobody asks for address after address whether it has an account, or has all passwords hashed; tries to sign in
    are counted apart, and so are other addresses."""
    server = start_server(database=make_database(), sign_in_attempts_per_address=3, trusted_proxies="127.0.0.1")
    with httpx.Client(base_url=server.url, timeout=20) as api:
        account = Account.new(api)
        assert sign_up(api, email=account.email).status_code == 409
        assert sign_up(api, password="password1").status_code == 400  # costs nothing, and counts for nothing
        assert sign_up(api).status_code == 201
        for fields in ({"email": account.email}, {}):
            rejected = sign_up(api, **fields)
            assert_problem(rejected, 429, "too_many_attempts", detail="Too many attempts. Wait before the next.")
            assert 270 < int(rejected.headers["retry-after"]) <= 300
        assert sign_in(api, account.email).status_code == 200
        api.headers["X-Forwarded-For"] = "203.0.113.1"
        assert sign_up(api).status_code == 201


def test_behind_a_trusted_proxy_the_address_is_the_one_it_forwards(
    make_database: Callable[[], TestDatabase], start_server: Callable[..., RunningServer]
) -> None:
    """Its last entry, which the proxy wrote itself; a network of IPv6 counts as one client, and odd words as theirs."""
    server = start_server(
        database=make_database(), sign_in_attempts_per_address=2, trusted_proxies="127.0.0.1, 10.0.0.0/8"
    )
    with httpx.Client(base_url=server.url, timeout=20) as api:
        for forwarded in (
            ["203.0.113.1", "203.0.113.1", "203.0.113.1"],
            ["203.0.113.2", "198.51.100.7, 203.0.113.2", "203.0.113.9, 203.0.113.2, 10.0.0.1"],
            ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:1:ffff::3"],
            ["2001:db8:1:2::1", "2001:db8:1:2::1", "2001:db8:1:2::1"],
            ["unknown", "unknown", "unknown"],
        ):
            statuses = [_statuses(api, new_email(), 1, headers={"X-Forwarded-For": value}) for value in forwarded]
            assert statuses == [[401], [401], [429]], forwarded


def test_a_client_without_an_address_is_throttled_too(database: TestDatabase) -> None:
    """On a Unix socket there is none."""

    async def attempts() -> list[int]:
        app = create_app(make_settings(sign_in_attempts_per_address=2), database.proxied_url)
        transport = httpx.ASGITransport(app, client=("", 0))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            bodies = [{"email": f"{n}-{secrets.token_hex(4)}@example.com", "password": "x" * 9} for n in range(3)]
            return [(await client.post("/api/v1/auth/sign-in", json=body)).status_code for body in bodies]

    assert asyncio.run(attempts()) == [401, 401, 429]
