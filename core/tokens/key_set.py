"""A JSON Web Key Set (RFC 7517) read: which of its keys are good for verifying here, and for what."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from core import strict_json
from core.tokens.claims import one_name
from core.tokens.verifier import ASYMMETRIC, Key

# NIST SP 800-131A asks for the one; beyond the other verification is slow.
RSA_BITS = range(2048, 8193)

_ALGORITHMS = {name: get_default_algorithms()[name] for name in ASYMMETRIC}
_KINDS = {"OKP Ed25519": ["EdDSA"], "EC P-256": ["ES256"], "EC P-521": ["ES512"], "RSA": ["RS256", "PS256"]}


def parse(body: bytes) -> dict[str, Key]:
    """The keys of a JSON Web Key Set that are good for verifying here, by name. Raises ValueError if it is none."""
    document = strict_json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("this is not a JSON Web Key Set")
    found: dict[str, Key] = {}
    for jwk in document["keys"]:
        for algorithm in _algorithms(jwk):
            with suppress(PyJWTError, TypeError, ValueError):
                known = _ALGORITHMS[algorithm]
                key = Key(f"{algorithm} {jwk['kid']}", known.verify, known.from_jwk(jwk))
                if jwk["kty"] != "RSA" or key.value.key_size in RSA_BITS:
                    found.setdefault(key.name, key)
    return found


def _algorithms(jwk: Any) -> Sequence[str]:
    """What a public key may be used for here. One without `alg`, as older versions have it, for all of its kind."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or "d" in jwk:
        return ()
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use") not in (None, "sig") or not isinstance(operations, list) or "verify" not in operations:
        return ()
    # The curve of the server's default key can stand beside an RSA key as well.
    kind = "RSA" if jwk.get("kty") == "RSA" else f"{jwk.get('kty')} {jwk.get('crv')}"
    return [algorithm for algorithm in _KINDS.get(kind, ()) if _named(jwk) in (None, algorithm)]


def _named(jwk: Mapping[str, Any]) -> object:
    """The algorithm that a key says it is for."""
    name = jwk.get("alg")
    return one_name(name) if isinstance(name, str) else name
