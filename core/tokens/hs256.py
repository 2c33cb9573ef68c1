"""HS256 (RFC 7518, section 3.2): HMAC by a shared secret, which needs no library of public keys."""

import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from core import base64url


def verify(signed: bytes, key: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the secret's bytes. The comparison takes as long wherever they differ."""
    return hmac.compare_digest(_signature(key, signed), signature)


def token(secret: str, claims: Mapping[str, Any]) -> str:
    """A signed JWT (RFC 7519) in the compact form."""
    parts = [base64url.encoded(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = _signature(secret.encode(), ".".join(parts).encode())
    return ".".join([*parts, base64url.encoded(signature)])


def _signature(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")
