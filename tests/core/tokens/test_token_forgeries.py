"""Forged tokens of every kind in the literature, over HTTP: each is 401 with problem+json, and the log says why."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.tokens.published_keys import FRUITLESS_BURST
from core.tokens.verifier import ASYMMETRIC
from tests.conftest import SECRET, RunningServer
from tests.core.tokens.key_server import KeyServer, SigningKey, b64
from tests.rejections import profile, rejection

KEYS = {algorithm: SigningKey(algorithm, kid=f"key-{algorithm}") for algorithm in ASYMMETRIC}
ED, ES, RS = KEYS["EdDSA"], KEYS["ES256"], KEYS["RS256"]
ATTACKER = {algorithm: SigningKey(algorithm, kid=f"key-{algorithm}") for algorithm in ASYMMETRIC}
LATER = int(time.time()) + 86_400
HUGE = 10**400
DEEP: dict[str, Any] = {"name": json.loads("[" * 30 + "]" * 30)}
# The group orders of Ed25519 and P-256.
L = 2**252 + 27742317777372353535851937790883648493
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def server() -> Iterator[KeyServer]:
    running = KeyServer(*KEYS.values())
    yield running
    running.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[KeyServer]:
    """A server of the attacker's."""
    running = KeyServer(*ATTACKER.values())
    yield running
    running.close()


@pytest.fixture(scope="module")
def api(server: KeyServer, start_server: Callable[..., RunningServer]) -> RunningServer:
    running = start_server(better_auth_url=server.url)
    assert profile(running, ED.token(server.url)).status_code == 200
    return running


def parts(token: str) -> tuple[str, bytes]:
    """What is signed, and the signature."""
    signed, _, signature = token.rpartition(".")
    return signed, jwt.utils.base64url_decode(signature)


def by_secret(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE", "none ", "\tnone", "", "null", "HS0"])
@pytest.mark.parametrize("signature", ["", "AA", "stolen"])
def test_no_signature_is_no_token(api: RunningServer, server: KeyServer, spelling: str, signature: str) -> None:
    signed, good = parts(ED.token(server.url, header={"alg": spelling}))
    token = f"{signed}.{b64(good) if signature == 'stolen' else signature}"
    assert rejection(api, token)["reason"] == "algorithm_not_configured"


@pytest.mark.parametrize("algorithm", [None, True, 0, ["EdDSA"], {"EdDSA": 1}])
def test_an_algorithm_is_text(api: RunningServer, server: KeyServer, algorithm: Any) -> None:
    assert rejection(api, ED.token(server.url, header={"alg": algorithm})) == {"reason": "malformed_header"}


@pytest.mark.parametrize(
    "algorithm",
    ["HS384", "HS512", "RS384", "RS512", "PS384", "ES384", "ES256K", "Ed448", "ed25519", "ED25519", "eddsa"],
)
def test_an_algorithm_that_nobody_configured_is_rejected(api: RunningServer, server: KeyServer, algorithm: str) -> None:
    """There is no setting that would allow it, so the log names none."""
    expected = {"reason": "algorithm_not_configured", "setting": None}
    assert rejection(api, ED.token(server.url, header={"alg": algorithm})) == expected


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_public_key_is_no_secret(api: RunningServer, server: KeyServer, algorithm: str) -> None:
    """Key confusion: HS256 with whatever spelling of the public key as the secret."""
    key = KEYS[algorithm]
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(key.jwk)
    texts = [pem, pem.strip(), der, jwk.encode(), jwk.replace(" ", "").encode(), key.kid.encode(), b"", b"\0" * 32]
    texts += [key.jwk[name].encode() for name in ("x", "n") if name in key.jwk]
    claims = {"sub": "u1", "exp": LATER, "iss": server.url, "aud": server.url}
    for text, kid in product(texts, [{}, {"kid": key.kid}]):
        assert rejection(api, by_secret(text, {"alg": "HS256", **kid}, claims)) == {"reason": "wrong_signature"}


@pytest.mark.parametrize("claimed", ASYMMETRIC)
def test_a_key_signs_with_its_own_algorithm_only(api: RunningServer, server: KeyServer, claimed: str) -> None:
    """RS256 and PS256 share a kind of key, and still each key has one of them."""
    for algorithm, key in KEYS.items():
        token = key.token(server.url, header={"alg": claimed})
        if algorithm == claimed:
            assert profile(api, token).status_code == 200
        else:
            assert rejection(api, token) == {"reason": "wrong_algorithm"}


def test_the_newer_name_of_ed25519_is_for_its_keys_alone(api: RunningServer, server: KeyServer) -> None:
    """RFC 9864. Neither the secret nor a key of another kind signs under that name."""
    header = {"alg": "Ed25519"}
    assert profile(api, ED.token(server.url, header=header)).status_code == 200
    for algorithm in set(ASYMMETRIC) - {"EdDSA"}:
        assert rejection(api, KEYS[algorithm].token(server.url, header=header)) == {"reason": "wrong_algorithm"}
    claims = {"sub": "u1", "exp": LATER, "iss": server.url, "aud": server.url}
    for secret in (SECRET.encode(), ED.jwk["x"].encode()):
        assert rejection(api, by_secret(secret, {**header, "kid": ED.kid}, claims)) == {"reason": "wrong_signature"}
    assert rejection(api, ATTACKER["EdDSA"].token(server.url, header=header)) == {"reason": "wrong_signature"}


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_header_does_not_bring_its_key(
    api: RunningServer, server: KeyServer, elsewhere: KeyServer, algorithm: str
) -> None:
    """Neither in itself nor at an address, which nobody visits."""
    own, address = ATTACKER[algorithm], f"{elsewhere.url}/api/auth/jwks"
    for header in (
        {"jwk": own.jwk},
        {"jku": address},
        {"x5u": address},
        {"x5c": ["MIIB"]},
        {"jwk": own.jwk, "jku": address, "x5u": address, "x5t": "abc"},
    ):
        assert rejection(api, own.token(server.url, header=header)) == {"reason": "wrong_signature"}
    assert elsewhere.responses == 0


@pytest.mark.parametrize(
    "kid",
    ["../../../../../../dev/null", "/dev/null", "' OR '1'='1", "key-EdDSA' --", "| sleep 5", "%00", "", "__proto__"],
)
def test_a_kid_is_a_name_and_nothing_else(
    api: RunningServer, server: KeyServer, elsewhere: KeyServer, kid: str
) -> None:
    claims = {"sub": "u1", "exp": LATER, "iss": server.url, "aud": server.url}
    for name in (kid, elsewhere.url):
        assert rejection(api, ATTACKER["EdDSA"].token(server.url, header={"kid": name})) == {"reason": "unknown_key"}
        assert rejection(api, by_secret(b"", {"alg": "HS256", "kid": name}, claims)) == {"reason": "wrong_signature"}


@pytest.mark.parametrize("kid", [None, 1, True, ["key-EdDSA"], {"kid": "key-EdDSA"}])
def test_a_kid_is_text(api: RunningServer, server: KeyServer, kid: Any) -> None:
    assert rejection(api, ED.token(server.url, header={"kid": kid})) == {"reason": "no_kid"}


@pytest.mark.parametrize(
    "header",
    [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}, {"zip": "DEF"}],
)
def test_what_a_header_demands_and_we_do_not_do_is_rejected(
    api: RunningServer, server: KeyServer, header: dict[str, Any]
) -> None:
    assert rejection(api, ED.token(server.url, header=header)) == {"reason": "unsupported_header"}


@pytest.mark.parametrize(
    "kind",
    ["at+jwt", "AT+JWT", "application/at+jwt", "JOSE", "dpop+jwt", "secevent+jwt", "better-auth.session-cache+jwt"],
)
def test_a_token_of_another_type_is_rejected(api: RunningServer, server: KeyServer, kind: str) -> None:
    assert rejection(api, ED.token(server.url, header={"typ": kind})) == {"reason": "wrong_type"}


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_signature_that_is_empty_zero_cut_or_longer_is_rejected(
    api: RunningServer, server: KeyServer, algorithm: str
) -> None:
    """All zeros are what "psychic signatures" were."""
    signed, good = parts(KEYS[algorithm].token(server.url, sub="zeros"))
    size, half = len(good), len(good) // 2
    wrong = [b"", b"\0", bytes(size), b"\xff" * size, good[:-1], good + b"\0", b"\0" + good, good[half:] + good[:half]]
    wrong += [good[:half] + bytes(half), bytes(half) + good[half:], good[: size - 1] + bytes([good[-1] ^ 1]), good * 2]
    for signature in wrong:
        assert rejection(api, f"{signed}.{b64(signature)}") == {"reason": "wrong_signature"}


def test_a_signature_in_another_form_is_rejected(api: RunningServer, server: KeyServer) -> None:
    """DER in place of the two numbers; numbers out of their range that are the same modulo the group's order."""
    signed, good = parts(ES.token(server.url))
    r, s = int.from_bytes(good[:32]), int.from_bytes(good[32:])
    wrong = [encode_dss_signature(r, s), N.to_bytes(32) * 2, good[:32] + N.to_bytes(32), N.to_bytes(32) + good[32:]]
    wrong += [(r + N).to_bytes(33) + s.to_bytes(33), (0).to_bytes(32) + (1).to_bytes(32), (1).to_bytes(32) * 2]
    tokens = [f"{signed}.{b64(signature)}" for signature in wrong]
    signed, good = parts(ED.token(server.url))
    tokens.append(f"{signed}.{b64(good[:32] + (int.from_bytes(good[32:], 'little') + L).to_bytes(32, 'little'))}")
    for token in tokens:
        assert rejection(api, token) == {"reason": "wrong_signature"}


@pytest.mark.parametrize(
    ("reason", "spellings"),
    [
        ("malformed_header", ["{h}=.{c}.{s}", "{h}\t.{c}.{s}", ".{c}.{s}"]),
        ("malformed_signature", ["{h}.{c}.{s}==", "{h}.{c}.{s}\t=", "{h}.{c}. {s}", "{h}.{c}.+{s}"]),
        ("wrong_signature", ["{h}.{c}=.{s}", "{h}. {c}.{s}", "{h}..{s}"]),
        (
            "not_a_jwt",
            ["{h}.{c}.{s}.", ".{h}.{c}.{s}", "{h}.{c}", "{h}.{c}.{s}.{s}.{s}", '[{{"payload":"{c}"}}]', "null"],
        ),
        ("too_long", ["{h}{x}.{c}.{s}", "{x}", "{h}.{c}.{x}"]),
    ],
)
def test_another_spelling_is_another_token(
    api: RunningServer, server: KeyServer, reason: str, spellings: list[str]
) -> None:
    h, c, s = ED.token(server.url).split(".")
    for spelling in spellings:
        assert rejection(api, spelling.format(h=h, c=c, s=s, x="x" * 8192 + "x")) == {"reason": reason}


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("no_exp", [{"exp": None}]),
        ("malformed_exp", [{"exp": value} for value in (str(LATER), True, [LATER], HUGE, -HUGE, 1e308, LATER * 1000)]),
        ("malformed_claims", [{"exp": float("inf")}, {"exp": float("nan")}, {"sub": "u\0"}, {"sub": "\ud800"}, DEEP]),
        ("expired", [{"exp": value} for value in (0, -1, 1e-300, 1.5e9, LATER - 2 * 86_400)]),
        ("not_yet_valid", [{"nbf": LATER}, {"iat": LATER}]),
        ("malformed_nbf", [{"nbf": "0"}, {"nbf": True}, {"nbf": []}, {"nbf": HUGE}]),
        ("malformed_iat", [{"iat": "0"}, {"iat": True}, {"iat": {}}, {"iat": HUGE}]),
        ("no_subject", [{"sub": value} for value in (None, "", " ", "\t\u00a0", True, ["u1"], {"u1": "u1"})]),
        ("numeric_subject", [{"sub": value} for value in (0, 1, 1.5, -1)]),
        ("no_subject", [{"sub": None, "userId": "u1", "id": "u1", "user": {"id": "u1"}, "email": "a@example.com"}]),
    ],
)
def test_claims_of_odd_types_and_sizes_are_rejected_though_they_are_signed(
    api: RunningServer, server: KeyServer, reason: str, wrong: list[dict[str, Any]]
) -> None:
    for claims in wrong:
        assert rejection(api, ED.token(server.url, **claims)) == {"reason": reason}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_claims_are_one_strict_json_object(api: RunningServer, server: KeyServer, encoding: str) -> None:
    header = {"alg": "EdDSA", "kid": ED.kid}
    claims = json.dumps({"sub": "u1", "exp": LATER, "iss": server.url, "aud": server.url})
    assert profile(api, ED.sign(header, claims.encode())).status_code == 200
    texts = [claims.encode(encoding), f"[{claims}]".encode(), f"{claims} {{}}".encode(), b'"u1"', b"", b"null"]
    texts += [claims.replace("{", '{"sub":"u2",').encode(), claims.replace("{", '{"\\u0073ub":"u2",').encode()]
    for text in texts:
        assert rejection(api, ED.sign(header, text)) == {"reason": "malformed_claims"}
    twice = b'{"alg":"HS256","alg":"EdDSA","kid":"key-EdDSA"}'
    assert rejection(api, ED.sign(twice, claims.encode())) == {"reason": "malformed_header"}
    nested = ED.sign({**header, "cty": "JWT"}, ED.token(server.url).encode())
    assert rejection(api, nested) == {"reason": "malformed_claims"}


@pytest.mark.parametrize("claim", ["iss", "aud"])
def test_issuer_and_audience_must_be_ours(api: RunningServer, server: KeyServer, claim: str) -> None:
    """Whoever has only them wrong has a good signature: of another service with the same keys."""
    kind = {"iss": "issuer_mismatch", "aud": "audience_mismatch"}[claim]
    wrong: list[Any] = [f"{server.url}.evil.example", f"{server.url}@evil.example", f"{server.url}/x", f"{server.url}0"]
    wrong += [
        "",
        "*",
        server.url[:-1],
        server.url.replace("http", "https"),
        f"x {server.url}",
        f"{server.url}?",
        "http://[",
    ]
    wrong += [1, {}, [], [f"{server.url}x"], [[server.url]], {server.url: 1}, "better-auth:session-cache", None]
    wrong += [[server.url]] if claim == "iss" else [["other"], [server.url, 1], [server.url, None]]
    for value in wrong:
        shown = None if value is None else str(value)
        expected = {"reason": kind, "expected": server.url, "actual": shown}
        assert rejection(api, ED.token(server.url, **{claim: value})) == expected
    long: dict[str, Any] = {claim: "x" * 3000}
    assert rejection(api, ED.token(server.url, **long))["actual"] == "x" * 200
    right: list[Any] = [f"{server.url}/", server.url.upper(), *([[server.url, "other"]] if claim == "aud" else [])]
    assert {profile(api, ED.token(server.url, **{claim: value})).status_code for value in right} == {200}


def test_a_secret_signs_for_no_published_key_and_the_reverse(api: RunningServer, server: KeyServer) -> None:
    claims = {"sub": "u1", "exp": LATER}
    assert profile(api, by_secret(SECRET.encode(), {"alg": "HS256", "kid": ED.kid}, claims)).status_code == 200
    for algorithm in ASYMMETRIC:
        header = {"alg": algorithm, "kid": KEYS[algorithm].kid}
        token = by_secret(SECRET.encode(), header, {**claims, "iss": server.url, "aud": server.url})
        assert rejection(api, token) == {"reason": "wrong_signature"}


def test_a_flood_of_forged_kids_over_http_causes_a_handful_of_fetches(
    server: KeyServer, start_server: Callable[..., RunningServer]
) -> None:
    api, before = start_server(better_auth_url=server.url), server.responses
    tokens = [ATTACKER["EdDSA"].token(server.url, header={"kid": secrets.token_hex(16)}) for _ in range(400)]
    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(lambda token: profile(api, token).status_code, tokens))
    assert statuses == {401}
    assert server.responses - before <= 1 + FRUITLESS_BURST
    assert profile(api, ED.token(server.url, sub="u2")).status_code == 200
