"""The doctor on tokens: whether their keys can be had, the clocks agree, and a given token is taken."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from core.config import Settings
from core.operations.doctor_database import clock
from core.operations.findings import Finding, note, ok, skipped, wrong
from core.operations.token_advice import advice
from core.problems import ProblemError
from core.tokens import configured
from core.tokens.claims import TokenError
from core.tokens.key_download import NotThereError, fetch
from core.tokens.key_set import parse

SECONDS = 5
_LOCAL = ("localhost", "127.0.0.1", "::1")


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
        count = len(parse(body))
    except (OSError, HTTPException, ValueError) as error:
        return wrong("keys", _why(settings, error))
    if not count:
        return note("keys", f"none at {url} yet: Better Auth makes one for the first token")
    return ok("keys", f"{count} at {url}")


def _why(settings: Settings, error: Exception) -> str:
    """What went wrong, and what to set."""
    url = settings.jwks_urls[0]
    variable = _variable(settings)
    told = f"{url}: {error or type(error).__name__}"
    if isinstance(error, NotThereError):
        end = " without the slash at its end" if url.endswith("/") else ""
        return (
            f"{error}: set {variable} as Better Auth's baseURL has it with its basePath, or "
            f"BETTER_AUTH_JWKS_URL to where the keys are{end}"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{told}: set SSL_CERT_FILE to the authority's certificate"
    if str(error).startswith("the status is 3"):
        return f"{told}, and redirects are not followed: set {variable} to where it leads (https for http, probably)"
    if isinstance(error, ssl.SSLError):
        return f"{told}: set {variable} with http, if it has no https"
    if str(error).startswith("the status is") or "too large" in str(error):
        return f"{told}: something responds there, and does not give the keys; its own log says why"
    if urlsplit(url).hostname in _LOCAL:
        return (
            f"{told}: start Better Auth; inside a container, localhost is the container itself: set "
            "BETTER_AUTH_JWKS_URL to where the keys are from there (http://auth:3000/api/auth/jwks)"
        )
    return f"{told}: set {variable} to Better Auth's address, or BETTER_AUTH_JWKS_URL to one that is reached from here"


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
