"""What the settings have to be for a real Better Auth server, and what the log says where they are not."""

from collections.abc import Callable

import pytest

from tests.better_auth.servers import Person
from tests.conftest import RunningServer
from tests.refusals import profile, refusal

Start = Callable[..., RunningServer]
SignUp = Callable[..., Person]


def test_without_its_url_the_log_says_what_to_set(
    better_auth: dict[str, str], api_server: RunningServer, sign_up: SignUp
) -> None:
    token = sign_up(better_auth["EdDSA"]).token()
    expected = {"reason": "algorithm_not_configured", "setting": "BETTER_AUTH_URL"}
    assert refusal(api_server, token) == expected


def test_another_name_of_the_same_server_is_told_apart(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    """As between a public address and that in a private network: the log has both values."""
    url = better_auth["EdDSA"]
    other = url.replace("127.0.0.1", "localhost")
    token = sign_up(url).token()
    issuer = {"reason": "issuer_mismatch", "expected": other, "actual": url}
    audience = {"reason": "audience_mismatch", "expected": other, "actual": url}
    assert refusal(api_for(other), token) == issuer
    assert refusal(api_for(other, better_auth_issuer=url), token) == audience
    assert profile(api_for(other, better_auth_issuer=url, better_auth_audience=url), token).status_code == 200


def test_the_url_may_be_spelled_otherwise(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    url = better_auth["EdDSA"]
    token = sign_up(url).token()
    for spelling in (f"{url}/", url.upper(), f"{url}/api/auth/"):
        assert profile(api_for(spelling), token).status_code == 200


def test_the_keys_may_be_at_a_path_of_one_s_own(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    url = better_auth["jwks path"]
    api = api_for(url, better_auth_jwks_url=f"{url}/api/auth/.well-known/jwks.json")
    assert profile(api, sign_up(url).token()).status_code == 200


def test_the_base_path_may_be_another(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    url = better_auth["base path"]
    token = sign_up(url, base="/identity").token()
    assert profile(api_for(f"{url}/identity"), token).status_code == 200


def test_the_plugin_may_name_another_issuer_and_audience(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    """As it has to where its own address depends on the host of each request."""
    url = better_auth["any host"]
    token = sign_up(url).token()
    issuer = "https://issuer.example"
    reason = {"reason": "issuer_mismatch", "expected": url, "actual": issuer}
    assert refusal(api_for(url), token) == reason
    api = api_for(url, better_auth_issuer=issuer, better_auth_audience="todo-api")
    assert profile(api, token).status_code == 200


@pytest.mark.parametrize("issuer", ["EdDSA", "ES256"])
def test_a_token_of_another_server_is_refused(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp, issuer: str
) -> None:
    """Also where it claims to be of ours."""
    token = sign_up(better_auth["ES256"]).token()
    names = {"better_auth_issuer": better_auth[issuer], "better_auth_audience": better_auth[issuer]}
    reason = "issuer_mismatch" if issuer == "EdDSA" else "unknown_key"
    assert refusal(api_for(better_auth["EdDSA"], **names), token)["reason"] == reason


def test_an_expired_token_is_refused(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    token = sign_up(better_auth["expired"]).token()
    assert refusal(api_for(better_auth["expired"]), token) == {"reason": "expired"}
