"""Each kind of token that a real Better Auth server hands over is taken, or rejected with the reason in the log."""

from collections.abc import Callable

import httpx
import jwt
import pytest

from tests.better_auth.conftest import ALGORITHMS, ID_FORMS
from tests.better_auth.servers import Person
from tests.conftest import RunningServer
from tests.rejections import profile, rejection

Start = Callable[..., RunningServer]
SignUp = Callable[..., Person]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_the_jwt_plugin_is_taken(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp, algorithm: str
) -> None:
    """Its claims make the user's row."""
    person = sign_up(better_auth[algorithm], name="Zoë 🌱")
    token = person.token()
    response = profile(api_for(better_auth[algorithm]), token)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert response.status_code == 200, response.text
    user = response.json()
    assert (user["id"], user["email"], user["name"]) == (person.id, person.email, "Zoë 🌱")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_that_was_changed_by_one_bit_is_rejected(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp, algorithm: str
) -> None:
    person = sign_up(better_auth[algorithm])
    head, claims, signature = person.token().split(".")
    other = "A" if signature[9] != "A" else "B"
    forged = f"{head}.{claims}.{signature[:9]}{other}{signature[10:]}"
    assert rejection(api_for(better_auth[algorithm]), forged) == {"reason": "wrong_signature"}


def test_the_token_in_the_header_of_get_session_is_taken(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["EdDSA"])
    token = person.get("/api/auth/get-session").headers["set-auth-jwt"]
    assert profile(api_for(better_auth["EdDSA"]), token).json()["id"] == person.id


def test_an_app_without_cookies_gets_its_token_by_the_one_of_its_session(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    """As docs/api.md says to apps."""
    url = better_auth["EdDSA"]
    person = sign_up(url)
    session = {"Authorization": f"Bearer {person.signed_up.headers['set-auth-token']}"}
    assert httpx.get(f"{url}/api/auth/token").status_code == 401
    token = httpx.get(f"{url}/api/auth/token", headers=session).json()["token"]
    assert profile(api_for(url), token).json()["id"] == person.id


def test_a_token_without_iat_email_and_name_is_taken(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["EdDSA"])
    token = person.text("/without-iat")
    assert set(jwt.decode(token, options={"verify_signature": False})) == {"sub", "exp", "iss", "aud"}
    response = profile(api_for(better_auth["EdDSA"]), token).json()
    assert (response["id"], response["email"], response["name"]) == ("somebody", None, None)


@pytest.mark.parametrize("form", ID_FORMS)
def test_a_user_id_of_any_form_is_the_user_s_id(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp, form: str
) -> None:
    person = sign_up(better_auth[form])
    token = person.token()
    assert person.id.isdecimal() if form == "serial" else person.id.count("-") == 4
    assert profile(api_for(better_auth[form]), token).json()["id"] == person.id


def test_a_hand_made_token_is_taken_by_the_secret_alone(
    better_auth: dict[str, str], api_server: RunningServer, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["EdDSA"])
    token = person.text("/hand-made")
    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    response = profile(api_server, token).json()
    assert (response["id"], response["email"], response["name"]) == (person.id, person.email, person.name)


def test_a_hand_made_token_is_taken_beside_those_of_the_plugin(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["EdDSA"])
    tokens = [person.text("/hand-made"), person.token()]
    assert [profile(api_for(better_auth["EdDSA"]), token).json()["id"] for token in tokens] == [person.id] * 2


def test_a_token_of_the_plugin_s_own_sign_callback_is_taken(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["jwt.sign"])
    token = person.token()
    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    assert profile(api_for(better_auth["jwt.sign"]), token).json()["id"] == person.id
    # It names its issuer, and so it must be the right one.
    reasons = rejection(api_for(better_auth["EdDSA"]), token)
    assert reasons == {
        "reason": "issuer_mismatch",
        "expected": better_auth["EdDSA"],
        "actual": better_auth["jwt.sign"],
    }


def test_the_cookie_cache_is_no_access_token(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    """It is signed with the secret that access tokens are signed with; the user's id is in another place."""
    person = sign_up(better_auth["cookie cache"])
    token = person.cookies["better-auth.session_data"]
    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    assert rejection(api_for(better_auth["cookie cache"]), token) == {"reason": "no_subject"}


def test_the_cookie_cache_that_the_plugin_signs_is_no_access_token(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["signed cookie cache"])
    token = person.cookies["better-auth.session_data"]
    good = person.token()
    api = api_for(better_auth["signed cookie cache"])
    assert jwt.get_unverified_header(token)["kid"] == jwt.get_unverified_header(good)["kid"]
    assert profile(api, good).status_code == 200
    assert rejection(api, token) == {"reason": "wrong_type"}


def test_an_email_verification_link_is_no_access_token(
    better_auth: dict[str, str], api_for: Start, sign_up: SignUp
) -> None:
    person = sign_up(better_auth["EdDSA"])
    token = person.text("/last-mail")
    assert jwt.decode(token, options={"verify_signature": False})["email"] == person.email
    assert rejection(api_for(better_auth["EdDSA"]), token) == {"reason": "no_subject"}


def test_a_session_token_is_named_in_the_log(better_auth: dict[str, str], api_for: Start, sign_up: SignUp) -> None:
    person = sign_up(better_auth["EdDSA"])
    tokens = [person.signed_up.json()["token"], person.signed_up.headers["set-auth-token"]]
    assert len(tokens[0]) == 32
    assert tokens[1].startswith(f"{tokens[0]}.")
    api = api_for(better_auth["EdDSA"])
    assert [rejection(api, token) for token in tokens] == [{"reason": "session_token"}] * 2
