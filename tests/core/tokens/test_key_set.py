"""Which keys of a published set are taken for verifying: public ones, for signatures, of a kind and size we know."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from core.tokens.key_set import parse
from core.tokens.verifier import ASYMMETRIC
from tests.core.tokens.key_server import SigningKey, b64

KEYS = {algorithm: SigningKey(algorithm, kid="k").jwk for algorithm in ASYMMETRIC}
ED, EC, RSA = KEYS["EdDSA"], KEYS["ES256"], KEYS["RS256"]


def names(*keys: Any) -> list[str]:
    return list(parse(json.dumps({"keys": keys}).encode()))


def without(jwk: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in jwk.items() if member != name}


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_key_is_for_its_algorithm_alone(algorithm: str) -> None:
    assert names(KEYS[algorithm]) == [f"{algorithm} k"]


@pytest.mark.parametrize(
    ("algorithm", "taken_for"),
    [("EdDSA", ["EdDSA"]), ("ES256", ["ES256"]), ("ES512", ["ES512"]), ("RS256", ["RS256", "PS256"])],
)
def test_a_key_without_alg_is_for_all_of_its_kind(algorithm: str, taken_for: list[str]) -> None:
    jwk = without(KEYS[algorithm], "alg")
    assert names(jwk) == names({**jwk, "alg": None}) == [f"{name} k" for name in taken_for]


def test_a_key_of_ed25519_may_name_its_algorithm_either_way() -> None:
    """RFC 9864: the name Ed25519 is that of one curve's keys, and EdDSA is what the tokens were always called."""
    assert names({**ED, "alg": "Ed25519"}) == ["EdDSA k"]
    for jwk in (EC, RSA, KEYS["ES512"], {**RSA, "crv": "Ed25519"}, {**EC, "crv": "Ed25519"}):
        assert names({**jwk, "alg": "Ed25519"}) == []


def test_what_is_said_of_a_key_for_verifying_is_no_hindrance() -> None:
    said = {"use": "sig", "key_ops": ["verify"], "ext": True, "x5c": ["MIIB"], "x5t": "abc"}
    assert names({**ED, **said}) == ["EdDSA k"]
    assert names({**RSA, "crv": "Ed25519"}) == ["RS256 k"], "Better Auth writes its default curve beside every key"


@pytest.mark.parametrize(("bits", "taken"), [(2040, []), (2048, ["RS256 k"]), (8192, ["RS256 k"]), (8200, [])])
def test_a_key_of_rsa_has_2048_to_8192_bits(bits: int, taken: list[str]) -> None:
    assert names({**RSA, "n": b64((2**bits - 1).to_bytes(bits // 8))}) == taken


def test_of_two_keys_of_one_name_the_first_is_taken() -> None:
    first, second = SigningKey(kid="k").jwk, SigningKey(kid="k").jwk
    both = {"keys": [first, second]}
    assert parse(json.dumps(both).encode()) == parse(json.dumps({"keys": [first]}).encode())


def test_what_is_no_good_does_not_spoil_the_rest() -> None:
    assert names(None, "k", [], {}, {"kid": "k"}, ED, {**EC, "kid": "other"}) == ["EdDSA k", "ES256 other"]
    assert names() == []


@pytest.mark.parametrize(
    "jwk",
    [
        without(ED, "kid"),
        {**ED, "kid": 1},
        {**ED, "kid": None},
        {**ED, "use": "enc"},
        {**ED, "use": ["sig"]},
        {**ED, "key_ops": ["sign"]},
        {**ED, "key_ops": []},
        {**ED, "key_ops": "verify"},
        {**ED, "key_ops": None},
        {**ED, "alg": "ES256"},
        {**ED, "alg": "eddsa"},
        {**ED, "alg": "ed25519"},
        {**ED, "alg": "Ed448"},
        {**ED, "alg": "HS256"},
        {**ED, "alg": ["EdDSA"]},
        {**ED, "kty": "oct", "k": ED["x"]},
        {**ED, "kty": "okp"},
        {**ED, "kty": ["OKP"]},
        {**ED, "crv": "X25519"},
        {**ED, "crv": "P-256"},
        {**ED, "x": "AAAA"},
        {**ED, "x": None},
        {**ED, "x": 1},
        {**ED, "x": "%"},
        without(ED, "x"),
        {**ED, "d": ED["x"]},
        {**OKPAlgorithm.to_jwk(SigningKey().private, as_dict=True), "kid": "k"},
        {**ECAlgorithm.to_jwk(SigningKey("ES256").private, as_dict=True), "kid": "k"},
        {**RSAAlgorithm.to_jwk(SigningKey("RS256").private, as_dict=True), "kid": "k", "key_ops": ["verify"]},
        {"kty": "oct", "k": ED["x"], "kid": "k", "alg": "HS256"},
        {**OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True), "kid": "k"},
        {**EC, "alg": "ES512"},
        {**EC, "alg": "ES384"},
        {**EC, "crv": "P-521"},
        {**EC, "y": EC["x"]},
        {**EC, "x": ED["x"], "y": ED["x"]},
        without(EC, "y"),
        {**ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True), "kid": "k"},
        {**ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key(), as_dict=True), "kid": "k"},
        {**RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True), "kid": "k"},
        {**RSA, "alg": "RS384"},
        {**RSA, "alg": "RS512"},
        {**RSA, "alg": "RSA-OAEP"},
        {**RSA, "e": "AQ"},
        {**RSA, "e": "Ag"},
        {**RSA, "n": ""},
        {**RSA, "n": "-" * 4096},
        without(RSA, "e"),
    ],
)
def test_a_key_for_anything_else_is_left_out(jwk: dict[str, Any]) -> None:
    assert names(jwk) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"keys": null}', b'{"keys": {}}', b'{"keys": [}', b"\xff", b"<!doctype html>"],
)
def test_what_is_no_key_set_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|UTF-8"):
        parse(body)
