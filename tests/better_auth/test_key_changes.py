"""Keys and secrets change, servers go and come back, requests go on: no wrong 401, and no wrong 200."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import psycopg2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from tests.better_auth.servers import BetterAuth, Person, free_url
from tests.conftest import RunningServer, assert_problem
from tests.rejections import profile, rejection
from tests.waiting import poll

Deploy = Callable[..., BetterAuth]
Start = Callable[..., RunningServer]
SignUp = Callable[..., Person]

OLD, NEW = "9f2c41d7a8e35b60cc17f4920b8d6ea3", "c83b75e01fd946a2b7e9023d5a61f8c4"


@contextmanager
def flowing(*requests: Callable[[], int]) -> Iterator[list[int]]:
    """Makes each of the requests over and over, in a thread of its own, and notes the statuses."""
    statuses: list[int] = []
    ended = threading.Event()

    def flow(request: Callable[[], int]) -> None:
        while not ended.wait(0.01):
            try:
                statuses.append(request())
            except Exception:
                statuses.append(0)
                raise

    threads = [threading.Thread(target=flow, args=[request]) for request in requests]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)


def test_keys_rotate_while_requests_flow(deploy: Deploy, start_server: Start, sign_up: SignUp) -> None:
    """Better Auth signs with a new key each second; the first tokens stay good, as the old keys stay published."""
    auth = deploy({"jwt": {"jwks": {"rotationInterval": 1}}})
    api = start_server(better_auth_url=auth.urls[0])
    first = sign_up(auth.urls[0]).token()
    kids = {jwt.get_unverified_header(first)["kid"]}

    def fresh(person: Person) -> int:
        token = person.token()
        kids.add(jwt.get_unverified_header(token)["kid"])
        return profile(api, token).status_code

    people = [sign_up(auth.urls[0]) for _ in range(2)]
    with flowing(*[lambda one=one: fresh(one) for one in people], lambda: profile(api, first).status_code) as statuses:
        poll(lambda: len(kids) >= 5)
    assert set(statuses) == {200}


def test_a_removed_key_stops_verifying_without_a_restart(
    deploy: Deploy, start_server: Start, sign_up: SignUp, database_of_its_own: Callable[[], str]
) -> None:
    """At the latest after BETTER_AUTH_JWKS_MAX_AGE, though the token is remembered and would be good for long."""
    url, database = free_url(), database_of_its_own()
    deploy({"url": url, "database": database})
    api = start_server(better_auth_url=url, better_auth_jwks_max_age=3)
    person = sign_up(url)
    old = person.token()
    assert profile(api, old).status_code == 200
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM jwks")
    connection.close()
    new = person.token()
    with flowing(lambda: profile(api, new).status_code) as statuses:
        poll(lambda: profile(api, old).status_code == 401)
        assert [rejection(api, old) for _ in range(20)] == [{"reason": "unknown_key"}] * 20
    assert set(statuses) == {200}


def test_the_keys_stay_in_use_while_better_auth_is_away(deploy: Deploy, start_server: Start, sign_up: SignUp) -> None:
    """For longer than they may be old while it is there, and new ones are taken as soon as it is back."""
    auth = deploy({})
    api = start_server(better_auth_url=auth.urls[0], better_auth_jwks_max_age=1)
    person = sign_up(auth.urls[0])
    used, unused = person.token(), sign_up(auth.urls[0]).token()
    assert profile(api, used).status_code == 200
    with flowing(lambda: profile(api, used).status_code) as statuses:
        with capture_logs() as logs:
            auth.stop()
            poll(lambda: "keys not fetched" in [line["event"] for line in logs])
        assert profile(api, unused).status_code == 200
        # Whether a key of this name was published just before is not known now: no wrong 401, and no wrong 200.
        claims = jwt.decode(used, options={"verify_signature": False})
        forged = jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": "another"})
        assert_problem(profile(api, forged), 503, "keys_unavailable")
        auth.start()
        assert profile(api, person.token()).status_code == 200
    assert set(statuses) == {200}


def test_a_first_request_while_better_auth_is_away_is_503_until_it_is_back(
    deploy: Deploy, start_server: Start, sign_up: SignUp
) -> None:
    auth = deploy({})
    token = sign_up(auth.urls[0]).token()
    auth.stop()
    api = start_server(better_auth_url=auth.urls[0])
    for _ in range(3):
        response = profile(api, token)
        detail = "The keys of the sign-in server cannot be had now. Try again shortly."
        assert_problem(response, 503, "keys_unavailable", detail=detail)
        assert response.headers["retry-after"] in ("1", "2", "3")
    seen: set[int] = set()
    auth.start()
    poll(lambda: seen.add(profile(api, token).status_code) or 200 in seen)  # type: ignore[func-returns-value]
    assert seen <= {200, 503}


def test_the_secret_is_replaced_while_requests_flow(
    deploy: Deploy, start_server: Start, sign_up: SignUp, database_of_its_own: Callable[[], str]
) -> None:
    """First our API knows both, then Better Auth changes over: tokens of both are taken all the time."""
    one: dict[str, Any] = {"url": free_url(), "database": database_of_its_own(), "secret": OLD}
    auth = deploy(one)
    before, between, after = (
        start_server(better_auth_url=one["url"], **secrets)
        for secrets in (
            {"better_auth_secret": OLD},
            {"better_auth_secret": NEW, "better_auth_secret_previous": OLD},
            {"better_auth_secret": NEW},
        )
    )
    person = sign_up(one["url"])
    old, published = person.text("/hand-made"), person.token()
    assert [profile(between, token).status_code for token in (old, published)] == [200, 200]
    with flowing(
        lambda: profile(between, old).status_code, lambda: profile(between, published).status_code
    ) as statuses:
        auth.stop()
        auth.start(DEPLOYMENTS=json.dumps([{**one, "options": {"secrets": [{"version": 2, "value": NEW}]}}]))
        other = sign_up(one["url"])
        new = other.text("/hand-made")
        with flowing(lambda: profile(between, new).status_code) as statuses_of_new:
            assert [profile(api, old).status_code for api in (before, between)] == [200, 200]
            assert [profile(api, new).status_code for api in (between, after)] == [200, 200]
            assert rejection(before, new) == rejection(after, old) == {"reason": "wrong_signature"}
            assert [profile(api, other.token()).status_code for api in (before, between, after)] == [200] * 3
    assert set(statuses) == set(statuses_of_new) == {200}


def test_only_the_current_secret_signs(start_server: Start) -> None:
    api = start_server(better_auth_secret=NEW, better_auth_secret_previous=OLD)
    account = {"email": f"{free_url()[-5:]}@example.com", "password": "correct horse battery staple"}
    signed_up = httpx.post(f"{api.url}/api/v1/auth/sign-up", json=account, timeout=20)
    assert signed_up.status_code == 201
    assert jwt.decode(signed_up.json()["access_token"], NEW, ["HS256"])["sub"] == signed_up.json()["user"]["id"]
