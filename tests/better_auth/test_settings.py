"""What the settings have to be for a real Better Auth server, and what the log says where they are not."""

from collections.abc import Callable

import httpx
import jwt
import pytest
from structlog.testing import capture_logs

from tests.better_auth.conftest import NEON_PATH
from tests.better_auth.servers import Person
from tests.conftest import RunningServer, make_token
from tests.rejections import profile, rejection

Start = Callable[..., RunningServer]
SignUp = Callable[..., Person]


def test_without_its_url_the_log_says_what_to_set(
    better_auth: dict[str, str], api_server: RunningServer, sign_up: SignUp
) -> None:
    token = sign_up(better_auth["EdDSA"]).token()
    expected = {"reason": "algorithm_not_configured", "setting": "BETTER_AUTH_URL"}
    assert rejection(api_server, token) == expected


def test_another_name_of_the_same_server_is_told_apart(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    """As between a public address and that in a private network: the log has both values."""
    url = better_auth["EdDSA"]
    other = url.replace("127.0.0.1", "localhost")
    token = sign_up(url).token()
    issuer = {"reason": "issuer_mismatch", "expected": other, "actual": url}
    audience = {"reason": "audience_mismatch", "expected": other, "actual": url}
    assert rejection(api_for(other), token) == issuer
    assert rejection(api_for(other, better_auth_issuer=url), token) == audience
    assert profile(api_for(other, better_auth_issuer=url, better_auth_audience=url), token).status_code == 200


def test_the_url_may_be_spelled_otherwise(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    url = better_auth["EdDSA"]
    token = sign_up(url).token()
    for spelling in (f"{url}/", url.upper(), f"{url}/api/auth/"):
        assert profile(api_for(spelling), token).status_code == 200


def test_the_keys_are_found_at_the_other_usual_path(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    url = better_auth["jwks path"]
    token = sign_up(url).token()
    with capture_logs() as logs:
        assert profile(api_for(url), token).status_code == 200
    [line] = [line for line in logs if line["event"] == "keys fetched"]
    assert line["url.full"] == f"{url}/api/auth/.well-known/jwks.json"


def test_the_keys_may_be_at_a_path_of_one_s_own(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    url = better_auth["odd jwks path"]
    token = sign_up(url).token()
    with capture_logs() as logs:
        assert profile(api_for(url), token).status_code == 503
    [reason] = [line["error.reason"] for line in logs if line["event"] == "keys not fetched"]
    places = (f"{url}/api/auth/jwks", f"{url}/api/auth/.well-known/jwks.json")
    assert reason == ", ".join(f"the status is 404 at {place}" for place in places)
    assert profile(api_for(url, better_auth_jwks_url=f"{url}/api/auth/keys.json"), token).status_code == 200


def test_the_url_of_neon_auth_alone_is_enough(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    """Keys, issuer and audience follow from it; no secret is needed, and a token by one is rejected with the reason."""
    url = better_auth["neon"]
    person = sign_up(url, base=NEON_PATH)
    api = api_for(None, neon_auth_base_url=f"{url}{NEON_PATH}", better_auth_secret=None)
    token = person.token()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["sub"]) == (url, url, person.id)
    with capture_logs() as logs:
        response = profile(api, token).json()
    assert (response["id"], response["email"], response["name"]) == (person.id, person.email, person.name)
    [line] = [line for line in logs if line["event"] == "keys fetched"]
    assert line["url.full"] == f"{url}{NEON_PATH}/.well-known/jwks.json"
    by_secret = {"reason": "algorithm_not_configured", "setting": "BETTER_AUTH_SECRET"}
    assert rejection(api, make_token(person.id)) == by_secret
    assert httpx.post(f"{api.url}/api/v1/auth/sign-up", json={}).status_code == 404


def test_neon_auth_may_be_set_as_any_better_auth(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    url = better_auth["neon"]
    token = sign_up(url, base=NEON_PATH).token()
    assert profile(api_for(f"{url}{NEON_PATH}"), token).status_code == 200


def test_tokens_of_both_names_are_taken_while_a_domain_moves(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    """The server is asked where it is; what it writes into tokens changes from one day to the next."""
    url = better_auth["EdDSA"]
    new = url.replace("127.0.0.1", "localhost")
    api = api_for(new, better_auth_issuer=f"{url},{new}", better_auth_audience=f"{new}, {url}/")
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
    assert rejection(api_for(url), token) == reason
    api = api_for(url, better_auth_issuer=issuer, better_auth_audience="todo-api")
    assert profile(api, token).status_code == 200


@pytest.mark.parametrize("issuer", ["EdDSA", "ES256"])
def test_a_token_of_another_server_is_rejected(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp, issuer: str
) -> None:
    """Also where it claims to be of ours."""
    token = sign_up(better_auth["ES256"]).token()
    names = {"better_auth_issuer": better_auth[issuer], "better_auth_audience": better_auth[issuer]}
    reason = "issuer_mismatch" if issuer == "EdDSA" else "unknown_key"
    assert rejection(api_for(better_auth["EdDSA"], **names), token)["reason"] == reason


def test_an_expired_token_is_rejected(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    token = sign_up(better_auth["expired"]).token()
    assert rejection(api_for(better_auth["expired"]), token) == {"reason": "expired"}
