"""What a token says: headers that ask for more and claims that prove nothing are rejected, though they are signed."""

import time
from typing import Any

import pytest

from core.tokens.verifier import Principal
from tests.core.tokens.test_verifier import CLAIMS, HEADER, LATER, NOW, rejection, token, verify


def claiming(**claims: str) -> bytes:
    """Claims of which some are given as JSON text."""
    return (
        "{" + ",".join(f'"{k}":{v}' for k, v in {"sub": '"u1"', "exp": str(LATER), **claims}.items()) + "}"
    ).encode()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"typ": "JWT"}, "malformed_header"),
        ({"alg": None}, "malformed_header"),
        ({"alg": ["HS256"]}, "malformed_header"),
        ({"alg": {"HS256": 1}}, "malformed_header"),
        (["HS256"], "malformed_header"),
        ("", "malformed_header"),
        (b'"HS256"', "malformed_header"),
        (b'{"alg":"none","alg":"HS256"}', "malformed_header"),
        (b'{"alg":"HS256","\\u0061lg":"HS256"}', "malformed_header"),
        (b'\xef\xbb\xbf{"alg":"HS256"}', "malformed_header"),
        ('{"alg":"HS256"}'.encode("utf-16"), "malformed_header"),
        (b'{"alg":"HS256"}{}', "malformed_header"),
        ({**HEADER, "crit": []}, "unsupported_header"),
        ({**HEADER, "crit": ["exp"], "exp": LATER}, "unsupported_header"),
        ({**HEADER, "b64": False}, "unsupported_header"),
        ({**HEADER, "b64": True}, "unsupported_header"),
        ({**HEADER, "zip": "DEF"}, "unsupported_header"),
        ({**HEADER, "typ": "better-auth.session-cache+jwt"}, "wrong_type"),
        ({**HEADER, "typ": "at+jwt"}, "wrong_type"),
        ({**HEADER, "typ": "application/at+jwt"}, "wrong_type"),
        ({**HEADER, "typ": "text/jwt"}, "wrong_type"),
        ({**HEADER, "typ": "application/application/jwt"}, "wrong_type"),
        ({**HEADER, "typ": "JWT "}, "wrong_type"),
        ({**HEADER, "typ": ""}, "wrong_type"),
        ({**HEADER, "typ": None}, "wrong_type"),
        ({**HEADER, "typ": ["JWT"]}, "wrong_type"),
    ],
)
def test_a_header_that_asks_for_more_is_rejected(header: Any, reason: str) -> None:
    assert rejection(token(CLAIMS, header)) == reason


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (claiming(exp='"1999999999"'), "malformed_exp"),
        (claiming(exp="true"), "malformed_exp"),
        (claiming(exp="[1999999999]"), "malformed_exp"),
        (claiming(exp="{}"), "malformed_exp"),
        (claiming(exp="1e308"), "malformed_exp"),
        (claiming(exp="1" + "0" * 400), "malformed_exp"),
        (claiming(exp="-1" + "0" * 400), "malformed_exp"),
        (claiming(exp=str((LATER) * 1000)), "malformed_exp"),
        (claiming(exp="NaN"), "malformed_claims"),
        (claiming(exp="Infinity"), "malformed_claims"),
        (claiming(exp="-Infinity"), "malformed_claims"),
        (claiming(exp="1e400"), "malformed_claims"),
        (claiming(exp="null"), "no_exp"),
        ({"sub": "u1"}, "no_exp"),
        (claiming(exp="-1"), "expired"),
        (claiming(exp="0"), "expired"),
        (claiming(exp=str(NOW - 11)), "expired"),
        (claiming(exp=str(NOW - 1e9)), "expired"),
        (claiming(nbf=str(LATER)), "not_yet_valid"),
        (claiming(nbf='"1"'), "malformed_nbf"),
        (claiming(nbf="false"), "malformed_nbf"),
        (claiming(nbf="null"), "malformed_nbf"),
        (claiming(nbf="1e400"), "malformed_claims"),
        (claiming(iat=str(LATER)), "not_yet_valid"),
        (claiming(iat='"1"'), "malformed_iat"),
        (claiming(iat="null"), "malformed_iat"),
        ({"exp": LATER}, "no_subject"),
        (claiming(sub='""'), "no_subject"),
        (claiming(sub='" \\t\\u00a0"'), "no_subject"),
        (claiming(sub="1"), "numeric_subject"),
        (claiming(sub="0"), "numeric_subject"),
        (claiming(sub="-1.5"), "numeric_subject"),
        (claiming(sub=f'"{"u" * 256}"'), "long_subject"),
        (claiming(sub="true"), "no_subject"),
        (claiming(sub="null"), "no_subject"),
        (claiming(sub='["u1"]'), "no_subject"),
        (claiming(sub='"u\\u0000"'), "malformed_claims"),
        (claiming(sub='"\\ud800"'), "malformed_claims"),
        (claiming(sub='"u1","sub":"u2"'), "malformed_claims"),
        (claiming(extra='{"a":1,"a":2}'), "malformed_claims"),
        (claiming(extra="[" * 30 + "]" * 30), "malformed_claims"),
        (claiming().decode().encode("utf-16"), "malformed_claims"),
        (claiming().decode().encode("utf-16-le"), "malformed_claims"),
        (claiming().decode().encode("utf-32"), "malformed_claims"),
        (b"\xef\xbb\xbf" + claiming(), "malformed_claims"),
        (claiming(sub='"\xff"').decode().encode("latin-1"), "malformed_claims"),
        (claiming() + b"{}", "malformed_claims"),
        (b"[" + claiming() + b"]", "malformed_claims"),
        (b'"u1"', "malformed_claims"),
        (b"", "malformed_claims"),
        (token().encode(), "malformed_claims"),
    ],
)
def test_claims_that_prove_nothing_are_rejected(claims: Any, reason: str) -> None:
    assert rejection(token(claims)) == reason


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "a@example.com", "iat": NOW, "exp": LATER},
        {"email": "a@example.com", "updateTo": "b@example.com", "requestType": "change-email-verification"},
        {"userId": "u1", "id": "u1", "user_id": "u1", "uid": "u1"},
        {"session": {"id": "s1", "userId": "u1"}, "user": {"id": "u1", "email": "a@example.com"}, "updatedAt": NOW},
    ],
)
def test_a_token_for_another_purpose_is_no_access_token(claims: dict[str, Any]) -> None:
    assert rejection(token({"exp": LATER, **claims})) == "no_subject"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "Jwt", "application/jwt", "Application/JWT"])
def test_a_type_is_a_media_type_in_any_letter_case(kind: str) -> None:
    """RFC 7515, section 4.1.9."""
    assert verify(token(CLAIMS, {**HEADER, "typ": kind})) == Principal("u1")


def test_the_clocks_may_differ_by_some_seconds() -> None:
    assert verify(token({"sub": "u1", "exp": int(time.time()) - 5})) == Principal("u1")
    ahead = int(time.time()) + 8
    assert verify(token({**CLAIMS, "nbf": ahead, "iat": ahead})) == Principal("u1", issued_at=ahead)
