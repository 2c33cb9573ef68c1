"""What to do about a token that was rejected: one sentence for each reason, with the variable to set."""

from collections.abc import Mapping

_SEND = "send the token of the jwt plugin (/api/auth/token)"
_URL = "set BETTER_AUTH_URL as Better Auth's baseURL has it (NEON_AUTH_BASE_URL as Neon's console has it),"
_CLOCK = "compare the clocks of both machines"
_SIGNER = "find out who signs"
_EXPIRY = '"15m" (a number is a time since 1970)'
_CUT = "it is cut off, or something is around it (quotes, JSON): send it as it came"

ADVICE: Mapping[str, str] = {
    "issuer_mismatch": f"{_URL} or BETTER_AUTH_ISSUER to the actual value",
    "audience_mismatch": f"{_URL} or BETTER_AUTH_AUDIENCE to the actual value",
    "audience_not_configured": "set BETTER_AUTH_AUDIENCE to the actual value, or BETTER_AUTH_URL",
    "unknown_key": "its key is not published any more, get another token; else set BETTER_AUTH_URL to where it is from",
    "wrong_signature": "set BETTER_AUTH_SECRET to the same as in Better Auth (look for quotes, a space, an old value)",
    "session_token": f"it is Better Auth's session token: {_SEND}",
    "not_a_jwt": _SEND,
    "no_subject": f"it is a cookie or the link of an e-mail: {_SEND}; made by hand, .setSubject(user.id)",
    "numeric_subject": ".setSubject(String(user.id))",
    "long_subject": "a user's id has at most 255 characters: generateId, jwt.getSubject or .setSubject makes it",
    "wrong_type": f"it is made for something else: {_SEND}",
    "expired": f"get another; if all are, give jwt.expirationTime as a text, {_EXPIRY}, or {_CLOCK}",
    "not_yet_valid": _CLOCK,
    "no_exp": '.setExpirationTime("15m")',
    "malformed_exp": f"an expiry is in seconds: give jwt.expirationTime as a text, {_EXPIRY}; made by hand, "
    '.setExpirationTime("15m")',
    "malformed_nbf": "a time is in seconds",
    "malformed_iat": "a time is in seconds",
    "no_kid": _SIGNER,
    "wrong_algorithm": _SIGNER,
    "unsupported_header": _SIGNER,
    "malformed_header": _CUT,
    "malformed_claims": _CUT,
    "malformed_signature": _CUT,
    "too_long": "a token has at most 8 KiB: let jwt.definePayload leave out what is long, a picture in user.image, say",
}


def advice(reason: str, fields: Mapping[str, str | None]) -> str:
    """What to do; `fields` are those of the TokenError."""
    if reason == "algorithm_not_configured":
        return _not_configured(fields.get("setting"))
    return ADVICE.get(reason, _SIGNER)


def _not_configured(setting: str | None) -> str:
    if setting is None:
        return "sign with EdDSA, ES256, ES512, RS256, PS256 or HS256"
    if setting == "BETTER_AUTH_SECRET":
        return f"it is signed with a secret (HS256): set BETTER_AUTH_SECRET, or {_SEND}"
    return f"it is signed with a published key: set {setting} to Better Auth's baseURL, or NEON_AUTH_BASE_URL"
