"""HS256 (RFC 7518, section 3.2): HMAC by a shared secret, which needs no library of public keys."""

import base64
import hmac
from collections.abc import Mapping
from typing import Any

import orjson


def verify(signed: bytes, key: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the secret's bytes. The comparison takes as long wherever they differ."""
    return hmac.compare_digest(_signature(key, signed), signature)


def token(secret: str, claims: Mapping[str, Any]) -> str:
    """A signed JWT (RFC 7519) in the compact form."""
    parts = [_text(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = _signature(secret.encode(), ".".join(parts).encode())
    return ".".join([*parts, _text(signature)])


def _signature(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
