"""The doctor on tokens: whether their keys can be had, the clocks agree, and a given token is taken."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from core.config import Settings
from core.operations.doctor_database import LOCAL, clock
from core.operations.findings import Finding, note, ok, skipped, wrong
from core.problems import ProblemError
from core.tokens import configured
from core.tokens.advice import advice
from core.tokens.claims import TokenError
from core.tokens.key_download import NotThereError, fetch
from core.tokens.key_set import parse

SECONDS = 5
# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH, _CERT_HAS_EXPIRED.
_OTHER_NAME = (62, 64)
_EXPIRED = 10


async def look(settings: Settings, token: str | None) -> AsyncIterator[Finding]:
    """The findings on the keys, on the clock of who publishes them, and on `token` if there is one."""
    found = [await asyncio.to_thread(_keys, settings)]
    if settings.jwks_urls and found[0].state != "wrong":
        found.append(await asyncio.to_thread(_clock, settings.jwks_urls[0]))
    for finding in found:
        yield finding
    if token is None:
        yield skipped("token", "give one as the variable TOKEN to have it verified")
    elif troubles := [finding.subject for finding in found if finding.state == "wrong"]:
        yield skipped("token", f"needs the {troubles[0]}")
    else:
        yield await _token(settings, token)


def _keys(settings: Settings) -> Finding:
    """Whether there are published keys where the settings say."""
    if not settings.jwks_urls:
        return ok("keys", "of BETTER_AUTH_SECRET alone: tokens of HS256 are taken")
    try:
        url, body = fetch(settings.jwks_urls, SECONDS)
    except (OSError, HTTPException, ValueError) as error:
        return wrong("keys", _why(settings, error))
    try:
        count = len(parse(body))
    except ValueError as error:
        told = str(error).removesuffix(".")
        return wrong("keys", f"{url}: {told}; something else is there: {_elsewhere(settings)}")
    if not count:
        return note("keys", f"none at {url} yet: Better Auth makes one for the first token")
    return ok("keys", f"{count} at {url}")


def _why(settings: Settings, error: Exception) -> str:
    """What went wrong, and what to set."""
    url = settings.jwks_urls[0]
    if isinstance(error, NotThereError):
        end = " without the slash at its end" if url.endswith("/") else ""
        return f"{error}: {_elsewhere(settings)}{end}"
    told = f"{url}: {error or type(error).__name__}"
    if isinstance(error, ssl.SSLError):
        return f"{told}: {_why_not_secure(settings, error)}"
    if str(error).startswith("the status is 3"):
        variable = _variable(settings)
        return f"{told}, and redirects are not followed: set {variable} to where it leads (https for http, probably)"
    if str(error).startswith("the status is") or "too large" in str(error):
        return f"{told}: something responds there, and does not give the keys; its own log says why"
    if isinstance(error, ConnectionResetError) and url.startswith("http:"):
        return f"{told}: set {_variable(settings)} with https, if it has that; else its own log says why"
    return f"{told}: {_why_not_reached(settings)}"


def _elsewhere(settings: Settings) -> str:
    """What to set where something responds, and the keys are not there."""
    if settings.better_auth_jwks_url:
        return "set BETTER_AUTH_JWKS_URL to where the keys are"
    if settings.neon_auth_base_url:
        return "set NEON_AUTH_BASE_URL as Neon's console has it, with its path"
    return (
        "add jwt() to Better Auth's plugins if it is not among them; else set BETTER_AUTH_URL as Better Auth's "
        "baseURL has it with its basePath, or BETTER_AUTH_JWKS_URL to where the keys are"
    )


def _why_not_secure(settings: Settings, error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"set {_variable(settings)} with http, if it has no https"
    if error.verify_code in _OTHER_NAME:
        return f"set {_variable(settings)} with a name that its certificate is for"
    if error.verify_code == _EXPIRED:
        return "let the server renew it"
    given = os.environ.get("SSL_CERT_FILE") or "unset"
    return f"set SSL_CERT_FILE ({given} now), in the environment and not in .env, to the authority's certificate"


def _why_not_reached(settings: Settings) -> str:
    if urlsplit(settings.jwks_urls[0]).hostname in LOCAL:
        return (
            "start Better Auth; inside a container, localhost is the container itself: set BETTER_AUTH_JWKS_URL to "
            "where the keys are from there (http://auth:3000/api/auth/jwks)"
        )
    variable = _variable(settings)
    return f"set {variable} to Better Auth's address, or BETTER_AUTH_JWKS_URL to one that is reached from here"


def _variable(settings: Settings) -> str:
    """The setting that says where the keys are."""
    names = ("better_auth_jwks_url", "neon_auth_base_url", "better_auth_url")
    return next(name.upper() for name in names if getattr(settings, name))


def _clock(url: str) -> Finding:
    """By the header Date, which every response has (RFC 9110, section 6.6.1)."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        with closing(kind(parts.hostname or "", parts.port, timeout=SECONDS)) as connection:
            connection.request("HEAD", parts.path)
            date = connection.getresponse().headers["Date"]
        theirs = parsedate_to_datetime(date).timestamp()
    except (OSError, HTTPException, ValueError, TypeError):
        return skipped("clock", f"{url} does not tell the time")
    return clock("the sign-in server's", theirs, time.time())


async def _token(settings: Settings, token: str) -> Finding:
    try:
        principal = await configured.verifier(settings).verify(token.strip())
    except TokenError as error:
        reason, fields = str(error), error.fields
        details = ", ".join(f"{name} {value}" for name, value in fields.items() if value and name != "setting")
        return wrong("token", f"{reason}{f' ({details})' if details else ''}: {advice(reason, fields)}")
    except ProblemError as problem:
        return wrong("token", problem.detail)
    return ok("token", f"of the user {principal.user_id}")
