"""What the client and what the log are told of a token that is rejected."""

import atexit
from typing import Any

import httpx
from structlog.testing import capture_logs

from core.tokens.advice import advice
from tests.conftest import RunningServer, assert_problem

# One for all: making the context for TLS is what is slow about a client.
_client = httpx.Client(timeout=20)
atexit.register(_client.close)


def profile(api: RunningServer, token: str) -> httpx.Response:
    """The response of our API to a request for one's own profile with this token."""
    return _client.get(f"{api.url}/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})


def rejection(api: RunningServer, token: str) -> dict[str, Any]:
    """The reason and its details in the log, after a look at the response: it is the same for all of them."""
    with capture_logs() as logs:
        response = profile(api, token)
    detail = "The token is expired, malformed, or not made for this API."
    assert_problem(response, 401, "invalid_token", detail=detail, title="The bearer token is not valid")
    challenge = 'Bearer error="invalid_token", error_description="The token is not valid"'
    assert response.headers["www-authenticate"] == challenge
    [line] = [line for line in logs if line["event"] == "request rejected"]
    assert line.pop("error.code") == "invalid_token"
    secrets = [part for part in token.split(".") if len(part) > 8]
    assert not any(part in f"{response.text}{logs}" for part in secrets)
    told = {name.removeprefix("error."): value for name, value in line.items() if name.startswith("error.")}
    assert told.pop("advice") == advice(told["reason"], told)
    return told
