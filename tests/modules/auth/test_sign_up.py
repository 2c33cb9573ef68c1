"""Signing up: the account and its first session, and what is no address or no password."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import pytest

from tests.conftest import SECRET, TestDatabase, assert_problem
from tests.modules.auth.accounts import INVALID, ME, PASSWORD, Account, bearer, new_email, sign_in, sign_up

EMOJI = "\U0001f33b"
EMOJIS = "\U0001f33b\U0001f34e\U0001f6b2\U0001f422\U0001f388\U0001f319\U0001f9e9\U0001f941"
NO_ADDRESS = {
    "pointer": "/email",
    "message": "Must be an e-mail address",
    "code": "malformed",
    "params": {"expected": "email"},
}
GUESSABLE = {"pointer": "/password", "message": "Is too easy to guess", "code": "guessable_password"}
SHORT = {
    "pointer": "/password",
    "message": "Must have at least 8 characters",
    "code": "too_short",
    "params": {"min": 8},
}
LONG = {
    "pointer": "/password",
    "message": "Must have at most 128 characters",
    "code": "too_long",
    "params": {"max": 128},
}
# The letters of keyboards that write Latin as wide as Chinese.
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def test_an_account_begins_with_its_user_and_its_first_tokens(api: httpx.Client) -> None:
    email = new_email()
    response = sign_up(api, email=email, name="  Ann  ")
    made = response.json()
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    assert made == {
        "access_token": made["access_token"],
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": made["refresh_token"],
        "user": {
            "id": made["user"]["id"],
            "email": email,
            "name": "Ann",
            "created_at": made["user"]["created_at"],
            "updated_at": made["user"]["created_at"],
        },
    }
    assert api.get(ME, headers=bearer(made)).json() == made["user"]
    created = api.post(f"{ME}/tasks", json={"title": "x"}, headers=bearer(made))
    assert created.status_code == 201


def test_an_access_token_is_short_lived_and_names_user_and_session(api: httpx.Client) -> None:
    """In the form of Better Auth's own: HS256 by the shared secret, with `sub`."""
    tokens = Account.new(api).tokens
    assert jwt.get_unverified_header(tokens["access_token"]) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(tokens["access_token"], SECRET, algorithms=["HS256"])
    assert set(claims) == {"sub", "sid", "iat", "exp"}
    assert claims["sub"] == tokens["user"]["id"]
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 900


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ann-{}@example.com", "ann-{}@example.com"),
        ("ann-{}@example.com", "ANN-{}@EXAMPLE.COM"),
        ("Ann-{}@Example.com", "aNN-{}@eXample.com"),
        ("ann-{}@xn--exmple-cua.com", "ann-{}@exämple.com"),
        ("änn-{}@example.com", unicodedata.normalize("NFD", "ÄNN-{}@example.com")),
        ("ann-{}@example.com", " ann-{}@example.com\t"),
    ],
    ids=["same", "upper", "mixed", "domain", "decomposed", "space-around"],
)
def test_an_address_has_one_account_however_it_is_written(api: httpx.Client, first: str, second: str) -> None:
    unique = new_email().split("@")[0]
    account = Account.new(api, email=first.format(unique))
    response = sign_up(api, email=second.format(unique), password="another password")
    detail = "There is an account with this address. Sign in."
    assert_problem(response, 409, "email_taken", title="The e-mail address has an account already", detail=detail)
    assert sign_in(api, account.email).status_code == 200
    assert sign_in(api, account.email, "another password").status_code == 401


def test_a_rejected_account_leaves_no_user(api: httpx.Client, database: TestDatabase) -> None:
    account = Account.new(api)
    assert sign_up(api, email=account.email).status_code == 409
    users = database.query("SELECT id FROM users WHERE email = %s", account.email)
    assert users == [(account.user_id,)]


def test_of_many_sign_ups_with_one_address_at_once_one_wins(api: httpx.Client, database: TestDatabase) -> None:
    email = new_email()
    with ThreadPoolExecutor(6) as threads:
        responses = list(threads.map(lambda _: sign_up(api, email=email), range(6)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 5
    assert database.query("SELECT count(*) FROM users WHERE email = %s", email) == [(1,)]
    assert sign_in(api, email).status_code == 200


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"email": "ann"}, [NO_ADDRESS]),
        ({"email": "ann@"}, [NO_ADDRESS]),
        ({"email": "@example.com"}, [NO_ADDRESS]),
        ({"email": "a nn@example.com"}, [NO_ADDRESS]),
        ({"email": "ann@example..com"}, [NO_ADDRESS]),
        ({"email": "an n@example.com"}, [NO_ADDRESS]),
        ({"email": "Ann <ann@example.com>"}, [NO_ADDRESS]),
        ({"email": "a@b@example.com"}, [NO_ADDRESS]),
        ({"email": ""}, [NO_ADDRESS]),
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
            {"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}"},
            [
                {
                    "pointer": "/email",
                    "message": "Must have at most 254 characters",
                    "code": "too_long",
                    "params": {"max": 254},
                }
            ],
        ),
        (
            {"password": None},
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
            {"password": 12345678},
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
            {"name": ""},
            [
                {
                    "pointer": "/name",
                    "message": "Must have at least 1 character",
                    "code": "too_short",
                    "params": {"min": 1},
                }
            ],
        ),
        ({"role": "admin"}, [{"pointer": "/role", "message": "This field is not known", "code": "unknown_field"}]),
        ({"id": "mine"}, [{"pointer": "/id", "message": "This field is not known", "code": "unknown_field"}]),
    ],
    ids=range(16),
)
def test_what_is_no_account_is_rejected(
    api: httpx.Client, fields: dict[str, Any], errors: list[dict[str, str]]
) -> None:
    assert_problem(sign_up(api, **fields), 400, "validation_failed", detail=INVALID, errors=errors)


def test_address_and_password_are_required(api: httpx.Client) -> None:
    missing = {"message": "This field is required", "code": "missing"}
    errors = [{"pointer": "/email", **missing}, {"pointer": "/password", **missing}]
    assert_problem(api.post("/api/v1/auth/sign-up", json={}), 400, "validation_failed", errors=errors)


@pytest.mark.parametrize(
    ("password", "error"),
    [("", SHORT), ("abc xyz", SHORT), (EMOJI * 7, SHORT), ("x" * 129, LONG), (EMOJI * 129, LONG)],
    ids=range(5),
)
def test_a_password_of_the_wrong_length_is_rejected(api: httpx.Client, password: str, error: dict[str, str]) -> None:
    """Counted in code points, as people count, and not in bytes."""
    assert_problem(sign_up(api, password=password), 400, "validation_failed", detail=INVALID, errors=[error])


@pytest.mark.parametrize(
    "password",
    [
        "abc xyz8",
        EMOJIS,
        "x" * 127 + "y",
        EMOJIS * 16,
        "  leading and trailing  ",
        "пароль на русском",
        "密码密码密码密码",
        "tab\tand\nline\u0007",
        "%s {0} \\ ' \"",
        "\u202eright to left",
    ],
    ids=range(10),
)
def test_a_password_is_any_text_and_is_neither_trimmed_nor_cut(api: httpx.Client, password: str) -> None:
    account = Account.new(api, password)
    assert sign_in(api, account.email, password).status_code == 200
    for other in (password[:-1], password.strip(), password.swapcase()):
        assert other == password or sign_in(api, account.email, other).status_code == 401, other


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("Ångström née", unicodedata.normalize("NFD", "Ångström née")),
        (unicodedata.normalize("NFD", "Ångström née"), "Ångström née"),
        ("full width keys".translate(WIDE), "full width keys"),
        ("ﬁnally a ligature", "finally a ligature"),
    ],
    ids=range(4),
)
def test_another_keyboards_spelling_of_a_password_signs_in(api: httpx.Client, chosen: str, typed: str) -> None:
    """NIST SP 800-63B-4: the same text, as another system encodes it (NFKC)."""
    account = Account.new(api, chosen)
    assert sign_in(api, account.email, typed).status_code == 200


@pytest.mark.parametrize(
    "password",
    ["password", "88888888", "PASSWORD", "Qwertyuiop", "jennifer", "87654321".translate(WIDE), "\u24dfassword"],
    ids=range(7),
)
def test_a_common_password_is_rejected_in_whatever_letters(api: httpx.Client, password: str) -> None:
    """Also in letters that are stored as the same."""
    response = sign_up(api, password=password)
    assert_problem(response, 400, "validation_failed", detail="Choose another password.", errors=[GUESSABLE])


def test_ones_own_address_is_no_password(api: httpx.Client) -> None:
    email = new_email()
    for password in (email, email.upper(), email.split("@")[0]):
        response = sign_up(api, email=email, password=password)
        assert_problem(response, 400, "validation_failed", detail="Choose another password.", errors=[GUESSABLE])
    assert sign_up(api, email=email, password=f"{email} {PASSWORD}").status_code == 201
