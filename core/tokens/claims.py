"""What a token says: its segments read strictly, its claims checked for their time and for whom they were made."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from core import base64url, strict_json
from core.urls import canonical

# Two clocks differ; an `iat` one second ahead is normal.
LEEWAY_SECONDS = 10

# OpenID Connect Core, section 2; PostgreSQL's indexes take no id of any length.
MAX_SUBJECT_LENGTH = 255

# The end of the year 9999. A time beyond it is in milliseconds, or a trick.
_LATEST = 253_402_300_799


class TokenError(Exception):
    """Why a token was rejected: one constant word and its details, for the log and never for the client."""

    def __init__(self, reason: str, **fields: str | None) -> None:
        super().__init__(reason)
        self.fields = fields


def read_object(segment: str, reason: str) -> dict[str, Any]:
    """The JSON object in a segment. Raises TokenError(reason)."""
    try:
        value = strict_json.loads(decode(segment, reason))
    except strict_json.StrictJsonError:
        raise TokenError(reason) from None
    if not isinstance(value, dict):
        raise TokenError(reason)
    return value


def decode(segment: str, reason: str) -> bytes:
    """base64url without padding (RFC 7515, section 2); no other spelling of the same bytes is taken."""
    try:
        data = base64url.decoded(segment)
    except ValueError:
        raise TokenError(reason) from None
    if base64url.encoded(data) != segment:
        raise TokenError(reason)
    return data


def algorithm_of(header: Mapping[str, Any]) -> str:
    """The header's `alg`, once nothing else in the header asks for what we do not do.

    A type is a media type, in any letter case and with or without its "application/" (RFC 7515, section 4.1.9).
    """
    if header.keys() & {"crit", "b64", "zip"}:
        raise TokenError("unsupported_header")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != "jwt":
        raise TokenError("wrong_type")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise TokenError("malformed_header")
    return one_name(algorithm)


def one_name(algorithm: str) -> str:
    """Of the two names of Ed25519's algorithm (RFC 9864) the older one; only keys of that curve are taken for it."""
    return "EdDSA" if algorithm == "Ed25519" else algorithm


def lifetime(claims: Mapping[str, Any]) -> float:
    """When the token expires, leeway included. Raises TokenError unless now is within its time."""
    now = time.time()
    until = _time(claims, "exp", required=True) + LEEWAY_SECONDS
    if until <= now:
        raise TokenError("expired")
    if max(_time(claims, "nbf"), _time(claims, "iat")) > now + LEEWAY_SECONDS:
        raise TokenError("not_yet_valid")
    return until


def check_issuer(claim: object, expected: Sequence[str]) -> None:
    """Raises TokenError unless `claim` is one of the expected issuers, which are given in their canonical spelling."""
    if not (isinstance(claim, str) and canonical(claim) in expected):
        raise TokenError("issuer_mismatch", expected=", ".join(expected), actual=_shown(claim))


def check_audience(claim: object, expected: Sequence[str]) -> None:
    """Raises TokenError unless `claim` is one of the expected audiences, or a list of names that has one.

    A token for somebody is for nobody here while it is not known who we are (RFC 7519, section 4.1.3).
    """
    if not expected:
        raise TokenError("audience_not_configured", setting="BETTER_AUTH_AUDIENCE", actual=_shown(claim))
    names = [canonical(name) for name in _texts(claim)]
    if not any(name in expected for name in names):
        raise TokenError("audience_mismatch", expected=", ".join(expected), actual=_shown(claim))


def subject(claims: Mapping[str, Any]) -> str:
    """The user's id, character for character. Raises TokenError.

    No fallback to `userId`, `id` or `email`: an e-mail verification link would become an access token.
    """
    value = claims.get("sub")
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise TokenError("numeric_subject")
    if not isinstance(value, str) or not value.strip():
        raise TokenError("no_subject")
    if len(value) > MAX_SUBJECT_LENGTH:
        raise TokenError("long_subject")
    return value


def _time(claims: Mapping[str, Any], name: str, *, required: bool = False) -> float:
    """A NumericDate (RFC 7519, section 2); 0 where an optional one is missing."""
    if name not in claims and not required:
        return 0.0
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LATEST <= value <= _LATEST:
        raise TokenError("no_exp" if value is None and required else f"malformed_{name}")
    return float(value)


def _texts(claim: object) -> list[str]:
    """The texts that a claim consists of; none where it has anything else in it."""
    values = claim if isinstance(claim, list) else [claim]
    texts = [value for value in values if isinstance(value, str)]
    return texts if len(texts) == len(values) else []


def _shown(claim: object) -> str | None:
    return None if claim is None else str(claim)[:200]
