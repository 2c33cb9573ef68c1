"""Signing in: a session of its own each time, and one response for all that is wrong."""

import time
import unicodedata
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import RunningServer, assert_problem
from tests.modules.auth.accounts import (
    AUTH,
    INVALID,
    ME,
    PASSWORD,
    WRONG,
    Account,
    bearer,
    new_email,
    refresh,
    sign_in,
)


def _assert_wrong(response: httpx.Response) -> dict[str, Any]:
    title = "The e-mail address or the password is wrong"
    problem = assert_problem(response, 401, "invalid_credentials", title=title, detail=WRONG)
    assert response.headers["www-authenticate"] == "Bearer"
    return problem


def test_a_session_begins_with_its_tokens(api: httpx.Client) -> None:
    account = Account.new(api)
    response = sign_in(api, account.email)
    tokens = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert tokens == {
        "access_token": tokens["access_token"],
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": tokens["refresh_token"],
    }
    assert api.get(ME, headers=bearer(tokens)).json() == account.tokens["user"]


def test_each_sign_in_is_a_session_of_its_own(api: httpx.Client) -> None:
    account = Account.new(api)
    first, second = (sign_in(api, account.email).json()["refresh_token"] for _ in range(2))
    assert first != second
    assert [refresh(api, token).status_code for token in (first, second, account.tokens["refresh_token"])] == [200] * 3


def test_the_lives_of_tokens_are_settings(start_server: Callable[..., RunningServer]) -> None:
    server = start_server(access_token_minutes=1, sign_in_attempts_per_address=1_000_000)
    with httpx.Client(base_url=server.url, timeout=20) as api:
        account = Account.new(api)
        assert account.tokens["expires_in"] == sign_in(api, account.email).json()["expires_in"] == 60


@pytest.mark.parametrize(
    ("signed_up", "typed"),
    [
        ("Ann-{}@example.com", "ann-{}@EXAMPLE.com"),
        ("ann-{}@xn--exmple-cua.com", "ann-{}@xn--exmple-cua.com"),
        ("ann-{}@exämple.com", "ann-{}@XN--EXMPLE-CUA.com"),
        ("änn-{}@example.com", unicodedata.normalize("NFD", "Änn-{}@example.com")),
        ("ann-{}@example.com ", "ann-{}@example.com"),
        ("ann-{}@example.com", "ann-{}@example.com "),
    ],
    ids=["case", "punycode", "unicode", "decomposed", "space-before", "space-now"],
)
def test_an_address_signs_in_however_it_is_written(api: httpx.Client, signed_up: str, typed: str) -> None:
    """Above all in the very letters in which it signed up."""
    unique = new_email().split("@")[0]
    Account.new(api, email=signed_up.format(unique))
    assert sign_in(api, typed.format(unique)).status_code == 200


def test_an_unknown_address_and_a_wrong_password_get_the_same_response(api: httpx.Client) -> None:
    """But for the id of the request and the clock: nobody learns who has an account."""
    account = Account.new(api)
    known, unknown = sign_in(api, account.email, "wrong password"), sign_in(api, new_email(), "wrong password")
    bodies = [{**_assert_wrong(response), "request_id": None} for response in (known, unknown)]
    assert bodies[0] == bodies[1]
    own = {"date": None, "x-request-id": None}
    assert {**known.headers, **own} == {**unknown.headers, **own}


@pytest.mark.parametrize("email", ["not an address", "", "a@b@c", "ann@example.com\n", "'; --"], ids=range(5))
def test_what_is_no_address_has_no_account(api: httpx.Client, email: str) -> None:
    _assert_wrong(sign_in(api, email))


def test_a_password_that_nobody_could_have_chosen_is_wrong(api: httpx.Client) -> None:
    """The rules are for new ones; the response tells nothing about them."""
    account = Account.new(api)
    for password in ("", "short", "password"):
        _assert_wrong(sign_in(api, account.email, password))


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        (
            {"email": None},
            [
                {
                    "pointer": "/email",
                    "message": "Must be a string",
                    "code": "wrong_type",
                    "params": {"expected": "string"},
                }
            ],
        ),
        (
            {"password": 7},
            [
                {
                    "pointer": "/password",
                    "message": "Must be a string",
                    "code": "wrong_type",
                    "params": {"expected": "string"},
                }
            ],
        ),
        (
            {"password": "x" * 129},
            [
                {
                    "pointer": "/password",
                    "message": "Must have at most 128 characters",
                    "code": "too_long",
                    "params": {"max": 128},
                }
            ],
        ),
        (
            {"email": "a" * 255},
            [
                {
                    "pointer": "/email",
                    "message": "Must have at most 254 characters",
                    "code": "too_long",
                    "params": {"max": 254},
                }
            ],
        ),
        ({"otp": "1"}, [{"pointer": "/otp", "message": "This field is not known", "code": "unknown_field"}]),
    ],
    ids=range(5),
)
def test_what_are_no_credentials_is_rejected(
    api: httpx.Client, fields: dict[str, Any], errors: list[dict[str, str]]
) -> None:
    response = api.post(f"{AUTH}/sign-in", json={"email": new_email(), "password": PASSWORD, **fields})
    assert_problem(response, 400, "validation_failed", detail=INVALID, errors=errors)


def test_address_and_password_are_required(api: httpx.Client) -> None:
    missing = {"message": "This field is required", "code": "missing"}
    errors = [{"pointer": "/email", **missing}, {"pointer": "/password", **missing}]
    assert_problem(api.post(f"{AUTH}/sign-in", json={}), 400, "validation_failed", errors=errors)


def test_an_unknown_address_takes_as_long_as_a_wrong_password(api: httpx.Client) -> None:
    """By the least CPU of 15 tries each, turn by turn: what else the machine does disturbs that least."""
    known = [Account.new(api).email for _ in range(3)]
    unknown = [new_email() for _ in range(3)]
    sign_in(api, new_email(), "wrong password")
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(15):
        for exists, addresses in ((True, known), (False, unknown)):
            started = time.process_time()
            assert sign_in(api, addresses[turn % 3], "wrong password").status_code == 401
            times[exists].append(time.process_time() - started)
    shorter, longer = sorted(min(taken) for taken in times.values())
    assert longer - shorter < max(0.012, 0.3 * shorter), times
