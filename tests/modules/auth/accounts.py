"""Local accounts as a client makes and uses them."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from tests.conftest import TestDatabase

AUTH = "/api/v1/auth"
ME = "/api/v1/users/me"
PASSWORD = "correct horse battery"
INVALID = "Some input is not valid; see `errors`."
WRONG = "The address or the password is wrong."


def new_email() -> str:
    """An address that no other test uses."""
    return f"Somebody-{secrets.token_hex(8)}@example.com"


def sign_up(api: httpx.Client, **fields: Any) -> httpx.Response:
    """Asks for an account; a good one unless `fields` say otherwise."""
    return api.post(f"{AUTH}/sign-up", json={"email": new_email(), "password": PASSWORD, **fields})


def sign_in(api: httpx.Client, email: str, password: str = PASSWORD, **options: Any) -> httpx.Response:
    """Asks for a session."""
    return api.post(f"{AUTH}/sign-in", json={"email": email, "password": password}, **options)


def refresh(api: httpx.Client, token: str) -> httpx.Response:
    """Asks for the next tokens."""
    return api.post(f"{AUTH}/refresh", json={"refresh_token": token})


def refreshed(api: httpx.Client, token: str) -> str:
    """The next refresh token, that came with an access token which is good."""
    response = refresh(api, token)
    assert response.status_code == 200, response.text
    assert api.get(ME, headers=bearer(response.json())).status_code == 200
    return str(response.json()["refresh_token"])


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """The header that the access token goes into."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@dataclass(frozen=True)
class Account:
    """An account that exists, with the tokens of its first session."""

    email: str
    password: str
    tokens: dict[str, Any]

    @classmethod
    def new(cls, api: httpx.Client, password: str = PASSWORD, **fields: Any) -> "Account":
        """Signs somebody up."""
        email = fields.pop("email", None) or new_email()
        response = sign_up(api, email=email, password=password, **fields)
        assert response.status_code == 201, response.text
        return cls(email, password, response.json())

    @property
    def user_id(self) -> str:
        """Who they are."""
        return str(self.tokens["user"]["id"])


def sessions(database: TestDatabase, account: Account) -> int:
    """How many sessions of the account are stored."""
    found = database.query("SELECT count(*) FROM local_sessions WHERE user_id = %s", account.user_id)
    return int(found[0][0])


def pass_time(database: TestDatabase, account: Account, *, seconds: float) -> None:
    """Lets time pass for the sessions of the account: all that happened to them is longer ago."""
    database.query(
        "UPDATE local_sessions SET created_at = created_at - %s, expires_at = expires_at - %s,"
        " rotated_at = ARRAY(SELECT used - %s FROM unnest(rotated_at) used ORDER BY used DESC) WHERE user_id = %s",
        *[timedelta(seconds=seconds)] * 3,
        account.user_id,
    )
