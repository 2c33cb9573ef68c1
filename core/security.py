"""From a bearer token to a Principal: signature by PyJWT, everything around it as RFC 8725 asks."""

import base64
import binascii
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jwt.algorithms import Algorithm, HMACAlgorithm

from core import strict_json

# A Better Auth token is below 2 kB; whatever is longer is refused before it is parsed.
MAX_TOKEN_LENGTH = 8192
# Two clocks differ; an `iat` one second ahead is normal.
LEEWAY_SECONDS = 10


class TokenError(Exception):
    """Why a token was refused: one constant word for the log, never for the client."""


@dataclass(frozen=True, slots=True)
class Principal:
    """What a verified token proves. It is not a row: nothing says that this user is known here."""

    user_id: str
    email: str | None = None
    name: str | None = None
    session_id: str | None = None


class KeySource(Protocol):
    """The one place where the keys of some algorithms come from."""

    async def find(self, header: Mapping[str, Any]) -> list[tuple[Algorithm, Any]]:
        """The keys that may have signed, each with its algorithm. Raises TokenError."""


class SecretKeys:
    """HS256 with shared secrets: the key is the secret's UTF-8 bytes, as Better Auth and jose take it."""

    def __init__(self, *secrets: str) -> None:
        hs256 = HMACAlgorithm(HMACAlgorithm.SHA256)
        self._keys: list[tuple[Algorithm, Any]] = [(hs256, secret.encode()) for secret in secrets]

    async def find(self, header: Mapping[str, Any]) -> list[tuple[Algorithm, Any]]:  # noqa: ARG002
        """All of them; a `kid` says nothing about a secret."""
        return self._keys


class TokenVerifier:
    """Each algorithm is bound to one source of keys by configuration; the token's header never chooses."""

    def __init__(self, sources: Mapping[str, KeySource]) -> None:
        self._sources = dict(sources)

    async def verify(self, token: str) -> Principal:
        """The principal of a valid token. Raises TokenError."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenError("too_long")
        segments = token.split(".")
        if len(segments) != 3:
            raise TokenError("not_a_jwt")
        header = _json_object(segments[0], "malformed_header")
        source = self._sources.get(_algorithm(header))
        if source is None:
            raise TokenError("algorithm_not_configured")
        signed = f"{segments[0]}.{segments[1]}".encode()
        signature = _decode(segments[2], "malformed_signature")
        if not any(algorithm.verify(signed, key, signature) for algorithm, key in await source.find(header)):
            raise TokenError("wrong_signature")
        return _principal(_json_object(segments[1], "malformed_claims"))


def _algorithm(header: Mapping[str, Any]) -> str:
    """The header's `alg`, once nothing else in the header asks for what we do not do."""
    if header.keys() & {"crit", "b64", "zip"}:
        raise TokenError("unsupported_header")
    if header.get("typ", "JWT") != "JWT":
        raise TokenError("wrong_type")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise TokenError("malformed_header")
    return algorithm


def _principal(claims: Mapping[str, Any]) -> Principal:
    now = time.time()
    if _time(claims, "exp", required=True) <= now - LEEWAY_SECONDS:
        raise TokenError("expired")
    if max(_time(claims, "nbf"), _time(claims, "iat")) > now + LEEWAY_SECONDS:
        raise TokenError("not_yet_valid")
    subject = claims.get("sub")
    # No fallback to `userId`, `id` or `email`: an e-mail verification link would become an access token.
    if not isinstance(subject, str) or not subject.strip() or "\0" in subject:
        raise TokenError("no_subject")
    return Principal(subject, _text(claims, "email"), _text(claims, "name"), _text(claims, "sid"))


def _time(claims: Mapping[str, Any], name: str, *, required: bool = False) -> float:
    """A NumericDate (RFC 7519, section 2); 0 where an optional one is missing."""
    if name not in claims and not required:
        return 0.0
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenError(f"no_{name}" if value is None else f"malformed_{name}")
    return float(value)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None


def _json_object(segment: str, reason: str) -> dict[str, Any]:
    try:
        value = strict_json.loads(_decode(segment, reason))
    except strict_json.StrictJsonError:
        raise TokenError(reason) from None
    if not isinstance(value, dict):
        raise TokenError(reason)
    return value


def _decode(segment: str, reason: str) -> bytes:
    """base64url without padding (RFC 7515, section 2); no other spelling of the same bytes is taken."""
    try:
        data = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError(reason) from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment.encode("ascii", "replace"):
        raise TokenError(reason)
    return data
