"""What a token says: its segments read strictly, its claims checked for their time and for whom they were made."""

import base64
import binascii
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from core import strict_json

# Two clocks differ; an `iat` one second ahead is normal.
LEEWAY_SECONDS = 10

# The end of the year 9999. A time beyond it is in milliseconds, or a trick.
_LATEST = 253_402_300_799

_DEFAULT_PORTS = {"http": 80, "https": 443}


class TokenError(Exception):
    """Why a token was refused: one constant word and its details, for the log and never for the client."""

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
        data = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError(reason) from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment.encode("ascii", "replace"):
        raise TokenError(reason)
    return data


def algorithm_of(header: Mapping[str, Any]) -> str:
    """The header's `alg`, once nothing else in the header asks for what we do not do."""
    if header.keys() & {"crit", "b64", "zip"}:
        raise TokenError("unsupported_header")
    if header.get("typ", "JWT") != "JWT":
        raise TokenError("wrong_type")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise TokenError("malformed_header")
    return algorithm


def lifetime(claims: Mapping[str, Any]) -> float:
    """When the token expires, leeway included. Raises TokenError unless now is within its time."""
    now = time.time()
    until = _time(claims, "exp", required=True) + LEEWAY_SECONDS
    if until <= now:
        raise TokenError("expired")
    if max(_time(claims, "nbf"), _time(claims, "iat")) > now + LEEWAY_SECONDS:
        raise TokenError("not_yet_valid")
    return until


def check_issuer(claim: object, expected: str) -> None:
    """Raises TokenError unless `claim` is the expected issuer, which is given in its canonical spelling."""
    if not (isinstance(claim, str) and canonical(claim) == expected):
        raise TokenError("issuer_mismatch", expected=expected, actual=_shown(claim))


def check_audience(claim: object, expected: str) -> None:
    """Raises TokenError unless `claim` is the expected audience, or a list that has it."""
    values = claim if isinstance(claim, list) else [claim]
    if not any(isinstance(value, str) and canonical(value) == expected for value in values):
        raise TokenError("audience_mismatch", expected=expected, actual=_shown(claim))


def canonical(name: str) -> str:
    """An http(s) URL without what two spellings of it may differ in: letter case of scheme and host, the default
    port, a trailing slash. Any other name as it is."""
    try:
        parts = urlsplit(name)
        port = parts.port
    except ValueError:
        return name
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or set(name) & set("@?#"):
        return name
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}{parts.path.rstrip('/')}"


def _time(claims: Mapping[str, Any], name: str, *, required: bool = False) -> float:
    """A NumericDate (RFC 7519, section 2); 0 where an optional one is missing."""
    if name not in claims and not required:
        return 0.0
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LATEST <= value <= _LATEST:
        raise TokenError(f"no_{name}" if value is None else f"malformed_{name}")
    return float(value)


def _shown(claim: object) -> str | None:
    return None if claim is None else str(claim)[:200]
