"""Tokens: whatever is not exactly an HS256 token of this deployment, for a subject and in its time, is rejected."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from typing import Any

import jwt
import pytest

from core.tokens.claims import TokenError
from core.tokens.verifier import MAX_TOKEN_LENGTH, REMEMBERED, Principal, SecretKeys, TokenVerifier
from tests.core.tokens.key_server import b64

SECRET = secrets.token_hex(32)
HEADER = {"alg": "HS256", "typ": "JWT"}
# Of the import; the tests may run minutes after it.
NOW = int(time.time())
LATER = NOW + 86_400
CLAIMS = {"sub": "u1", "exp": LATER}
VERIFIER = TokenVerifier({"HS256": SecretKeys(SECRET)})


def segment(value: Any) -> str:
    """A JSON value as a segment; bytes as they are; text is a segment already."""
    if isinstance(value, str):
        return value
    return b64(value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode())


def signature(signed: str, secret: str = SECRET) -> str:
    return b64(hmac.digest(secret.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha256))


def token(claims: Any = CLAIMS, header: Any = HEADER, secret: str = SECRET) -> str:
    """A token with a right signature over whatever it says."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{signature(signed, secret)}"


def verify(text: str, verifier: TokenVerifier = VERIFIER) -> Principal:
    return asyncio.run(verifier.verify(text))


def rejection(text: str, verifier: TokenVerifier = VERIFIER) -> str:
    with pytest.raises(TokenError) as raised:
        verify(text, verifier)
    assert text not in repr((raised.value, raised.value.fields)) or not text
    return str(raised.value)


def same_bytes(text: str) -> Iterable[str]:
    """Other spellings of the base64url of the same bytes, of a length that leaves bits over."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    wanted = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    candidates = (text[:-1] + character for character in alphabet)
    return [c for c in candidates if c != text and base64.urlsafe_b64decode(c + "=" * (-len(c) % 4)) == wanted]


@pytest.mark.parametrize(
    "subject",
    [
        "u1",
        "dQw4w9WgXcQdQw4w9WgXcQdQw4w9WgXc",
        "0192f7a0-1111-7222-8333-444455556666",
        "1",
        " padded ",
        "a/b?c=d#e",
        "me",
        "мир🌱\u202e",
        "' OR 1=1 --",
        "x" * 255,
    ],
)
def test_a_valid_token_names_its_subject_character_for_character(subject: str) -> None:
    assert verify(token({"sub": subject, "exp": LATER})) == Principal(subject)


def test_the_claims_about_the_user_are_taken_over_if_they_are_text() -> None:
    known = {
        **CLAIMS,
        "email": "a@example.com",
        "name": "Álice",
        "sid": "s1",
        "role": "admin",
        "iss": "x",
    }
    assert verify(token(known)) == Principal("u1", "a@example.com", "Álice", "s1")
    assert verify(token({**CLAIMS, "email": 1, "name": None, "sid": ["s1"]})) == Principal("u1")


def test_tokens_made_by_hand_with_a_library_are_valid() -> None:
    claims = {"sub": "u1", "iat": NOW + 1, "nbf": NOW, "exp": LATER}
    assert verify(jwt.encode(claims, SECRET, algorithm="HS256")) == Principal("u1", issued_at=NOW + 1)
    assert verify(token({"sub": "u1", "exp": LATER + 0.5})) == Principal("u1")
    assert verify(token(CLAIMS, {"alg": "HS256"})) == Principal("u1")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "kid", "cty", "unknown"])
def test_a_header_never_chooses_the_key(name: str) -> None:
    own = "the key of somebody else, 32 bytes"
    value = {"kty": "oct", "k": b64(own.encode()), "alg": "HS256"} if name == "jwk" else "http://127.0.0.1:9/keys"
    assert verify(token(CLAIMS, {**HEADER, name: value})) == Principal("u1")
    assert rejection(token(CLAIMS, {**HEADER, name: value}, own)) == "wrong_signature"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS384", "RS256", "EdDSA", "Ed25519"]
)
def test_another_algorithm_is_rejected_whatever_the_signature(algorithm: str) -> None:
    whole = token(CLAIMS, {"alg": algorithm, "typ": "JWT"})
    assert rejection(whole) == "algorithm_not_configured"
    assert rejection(whole.rpartition(".")[0] + ".") == "algorithm_not_configured"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
def test_a_token_that_a_library_signed_with_another_algorithm_is_rejected(algorithm: str) -> None:
    key = "" if algorithm == "none" else SECRET * 2
    assert rejection(jwt.encode(CLAIMS, key, algorithm=algorithm)) == "algorithm_not_configured"


def test_every_other_spelling_of_the_same_bytes_is_rejected() -> None:
    header, claims, signed = token({**CLAIMS, "f": "??>>"}).split(".")
    assert verify(f"{header}.{claims}.{signed}") == Principal("u1")
    spelled = [*same_bytes(signed), signed + "=", signed + "\n", " " + signed]
    assert len(spelled) == 3 + 3, "two bits are left over"
    assert {rejection(f"{header}.{claims}.{other}") for other in spelled} == {"malformed_signature"}


@pytest.mark.parametrize(
    "spoil", ["{}=", "{}==", "{}\n", " {}", "{}\t", "{}+", "{}/", "{}%3D", "{}é", "{}\ud800", "{}A===="]
)
def test_a_segment_in_another_spelling_is_rejected_though_it_is_signed(spoil: str) -> None:
    header, claims = segment(HEADER), segment(CLAIMS)
    for text, reason in (
        (f"{spoil.format(header)}.{claims}", "malformed_header"),
        (f"{header}.{spoil.format(claims)}", "malformed_claims"),
    ):
        assert rejection(f"{text}.{signature(text)}") == reason


def test_left_over_bits_of_signed_claims_are_rejected() -> None:
    right = [segment({**CLAIMS, "f": "x" * n}) for n in range(3)]
    assert {verify(token(claims)) for claims in right} == {Principal("u1")}
    spelled = [other for claims in right for other in same_bytes(claims)]
    assert len(spelled) == 3 + 15, "two and four bits are left over"
    assert {rejection(token(other)) for other in spelled} == {"malformed_claims"}


def test_a_signature_must_be_that_of_the_text_by_the_secret() -> None:
    header, claims, signed = token().split(".")
    other = segment({"sub": "u2", "exp": LATER})
    digest = base64.urlsafe_b64decode(signed + "=")
    wrong = [b"", bytes(32), b"\xff" * 32, digest[:-1], digest + b"\0", b"\0" + digest, digest.hex().encode()]
    wrong.append(hashlib.sha256(f"{header}.{claims}".encode()).digest())
    assert {rejection(f"{header}.{claims}.{b64(text)}") for text in wrong} == {"wrong_signature"}
    assert rejection(f"{header}.{other}.{signed}") == "wrong_signature"
    for secret in (SECRET.upper(), SECRET[:-1], SECRET + "\n", "", secrets.token_hex(32)):
        assert rejection(token(secret=secret)) == "wrong_signature"


def test_what_has_not_three_segments_is_no_token() -> None:
    header, claims, signed = token().split(".")
    flat = json.dumps({"payload": claims, "protected": header, "signature": signed})
    general = json.dumps({"payload": claims, "signatures": [{"protected": header, "signature": signed}]})
    texts = ["", ".", "...", "null", header, f"{header}.{claims}", f"{token()}.", f".{token()}", f"{token()}.{signed}"]
    texts += [flat, general, f"{header}.a.b.c.d", token().replace(".", "..", 1)]
    assert {rejection(text) for text in texts} == {"not_a_jwt"}
    assert {rejection(text) for text in ["..", f"..{signed}", f".{claims}.{signed}"]} == {"malformed_header"}


@pytest.mark.parametrize("text", ["a1" * 16, "a1" * 16 + ".c2ln%3D", "a1" * 16 + "." + "A" * 43 + "="])
def test_a_session_token_in_place_of_a_jwt_is_named_in_the_log(text: str) -> None:
    assert rejection(text) == "session_token"


def test_a_token_has_at_most_8_kib() -> None:
    assert MAX_TOKEN_LENGTH == 8192
    headers = [{**HEADER, "kid": "x" * n} for n in range(4)]
    texts = [token({**CLAIMS, "f": "x" * n}, header) for n in range(5900, 6100) for header in headers]
    sizes = {len(text): text for text in texts}
    assert verify(sizes[8192]) == Principal("u1")
    assert rejection(sizes[8193]) == "too_long"
    assert rejection("x" * 1_000_000) == "too_long"


def test_one_of_several_secrets_is_enough_while_they_are_changed() -> None:
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    both = TokenVerifier({"HS256": SecretKeys(new, old)})
    assert verify(token(secret=old), both) == verify(token(secret=new), both) == Principal("u1")
    assert rejection(token(secret=SECRET), both) == "wrong_signature"


def test_a_verified_token_is_rejected_as_soon_as_it_is_expired() -> None:
    text = token({"sub": "u1", "exp": time.time() - 8.5})
    assert verify(text) == Principal("u1")

    def verify_for_some_seconds() -> None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            verify(text)

    with pytest.raises(TokenError, match=r"^expired$"):
        verify_for_some_seconds()


def test_a_token_that_was_verified_once_does_not_make_others_valid() -> None:
    header, claims, signed = token().split(".")
    assert verify(f"{header}.{claims}.{signed}") == Principal("u1")
    for end in ("", ".", f".{signed[:-1]}", f".{signed}="):
        rejection(f"{header}.{claims}{end}")


def test_only_so_many_verified_tokens_are_remembered() -> None:
    verifier = TokenVerifier({"HS256": SecretKeys(SECRET)})
    texts = [token({**CLAIMS, "n": n}) for n in range(REMEMBERED + 10)]

    async def all_of_them() -> set[Principal]:
        return {await verifier.verify(text) for text in [*texts, texts[0], texts[-1]]}

    assert asyncio.run(all_of_them()) == {Principal("u1")}
    assert len(verifier._verified) == REMEMBERED


def test_issuer_and_audience_are_checked_where_a_token_names_them() -> None:
    verifier = TokenVerifier({"HS256": SecretKeys(SECRET)}, ["https://auth.example.com/"], ["https://api.example.com"])
    right = {"iss": "https://auth.example.com", "aud": ["x", "https://api.example.com/"]}
    assert verify(token({**CLAIMS, **right}), verifier) == verify(token(), verifier) == Principal("u1")
    assert rejection(token({**CLAIMS, "iss": "https://evil.example"}), verifier) == "issuer_mismatch"
    assert rejection(token({**CLAIMS, "iss": None}), verifier) == "issuer_mismatch"
    assert rejection(token({**CLAIMS, "aud": ["https://other.example"]}), verifier) == "audience_mismatch"


@pytest.mark.parametrize("audience", [None, "", [], ["a", 1], [["a"]], {"a": "a"}, 1, True, "b", ["b"]])
def test_an_audience_that_is_no_list_of_names_with_ours_is_not_ours(audience: Any) -> None:
    verifier = TokenVerifier({"HS256": SecretKeys(SECRET)}, audiences=["a"])
    assert rejection(token({**CLAIMS, "aud": audience}), verifier) == "audience_mismatch"


@pytest.mark.parametrize("audience", ["https://api.example.com", ["a", "b"], [], "", None, 1])
def test_a_token_for_somebody_is_rejected_while_nobody_is_configured(audience: Any) -> None:
    """RFC 7519, section 4.1.3; of an issuer it says no such thing."""
    with pytest.raises(TokenError, match=r"^audience_not_configured$") as raised:
        verify(token({**CLAIMS, "aud": audience}))
    shown = None if audience is None else str(audience)
    assert raised.value.fields == {"setting": "BETTER_AUTH_AUDIENCE", "actual": shown}
    assert verify(token({**CLAIMS, "iss": "https://auth.example.com"})) == Principal("u1")


def test_several_issuers_and_audiences_are_known_while_a_domain_moves() -> None:
    both = ["https://old.example/", "HTTPS://New.example:443"]
    verifier = TokenVerifier({"HS256": SecretKeys(SECRET)}, both, both)
    for name in ("https://old.example", "https://new.example", "https://new.example/"):
        assert verify(token({**CLAIMS, "iss": name, "aud": name}), verifier) == Principal("u1")
        assert verify(token({**CLAIMS, "aud": ["x", name]}), verifier) == Principal("u1")
    expected = "https://old.example, https://new.example"
    for claim, reason in (("iss", "issuer_mismatch"), ("aud", "audience_mismatch")):
        for other in ("https://newer.example", expected, both[0] + both[1]):
            with pytest.raises(TokenError, match=rf"^{reason}$") as raised:
                verify(token({**CLAIMS, claim: other}), verifier)
            assert raised.value.fields == {"expected": expected, "actual": other}


def test_a_source_whose_tokens_must_name_somebody_needs_to_know_whom() -> None:
    """Fail closed: no setting leads here."""

    class Naming(SecretKeys):
        names_parties = True

    verifier = TokenVerifier({"HS256": Naming(SECRET)})
    assert rejection(token(), verifier) == "issuer_mismatch"
    issued = {**CLAIMS, "iss": "x"}
    assert rejection(token(issued), TokenVerifier({"HS256": Naming(SECRET)}, ["x"])) == "audience_not_configured"


@pytest.mark.parametrize(
    ("algorithm", "setting"),
    [
        ("HS256", "BETTER_AUTH_SECRET"),
        ("EdDSA", "BETTER_AUTH_URL"),
        ("Ed25519", "BETTER_AUTH_URL"),
        ("PS256", "BETTER_AUTH_URL"),
        ("HS512", None),
    ],
)
def test_the_log_names_the_setting_that_an_algorithm_needs(algorithm: str, setting: str | None) -> None:
    with pytest.raises(TokenError, match=r"^algorithm_not_configured$") as raised:
        verify(token(CLAIMS, {"alg": algorithm}), TokenVerifier({}))
    assert raised.value.fields == {"setting": setting}
