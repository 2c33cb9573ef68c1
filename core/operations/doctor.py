"""Says in a line for each thing whether a deployment would work, and what to set where not (`make doctor`)."""

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address, ip_network
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import structlog

from core.config import ConfigurationError, Settings, doubtful_names, load_settings
from core.database import chosen, migrations
from core.operations import doctor_database, doctor_tokens
from core.operations.findings import Finding, note, ok, skipped, wrong
from core.urls import UNIX

SECONDS = 10
_NOT_OURS = "not of this API"


def main() -> None:
    """Prints the findings; ends with status 1 if anything is wrong.

    Reads the settings as the server does, and the variables TOKEN (a token to verify) and URL (where clients reach the
    API, to ask it there).
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    migrations.load_models()
    token = re.sub("(?i)^bearer +", "", os.environ.get("TOKEN", "").strip())  # as it stands in a header
    bad = asyncio.run(_print(load_settings, token or None, os.environ.get("URL") or None))
    sys.exit(int(bad))


async def _print(load: Callable[[], Settings], token: str | None, url: str | None) -> bool:
    bad = False
    async for finding in examine(load, token, url):
        _show(finding)
        bad = bad or finding.state == "wrong"
    return bad


def _show(finding: Finding) -> None:
    """Prints it. Where nobody reads on (`| head`) the rest is looked at all the same: the status is of all of it."""
    try:
        print(finding, flush=True)  # noqa: T201
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def examine(
    load: Callable[[], Settings], token: str | None = None, url: str | None = None
) -> AsyncIterator[Finding]:
    """All findings, in the order in which they should be mended. `load` raises ConfigurationError as load_settings."""
    try:
        settings = load()
        database_url = chosen.url_of(settings)
    except ConfigurationError as error:
        told = [line.strip().removeprefix("- ") for line in str(error).splitlines()]
        for line in told[1:] or told:
            yield wrong("settings", line)
        return
    yield ok("settings", f"for {settings.app_env}")
    for name, doubt in doubtful_names(settings).items():
        yield note("settings", f"{name}: {doubt}")
    async for finding in doctor_database.look(settings, database_url):
        yield finding
    async for finding in doctor_tokens.look(settings, token):
        yield finding
    yield _proxies(settings)
    yield await asyncio.to_thread(_from_outside, settings, token, url)


def _proxies(settings: Settings) -> Finding:
    """What can be said of who is believed without asking anybody."""
    for entry in settings.trusted_proxies:
        if entry != UNIX and not ip_network(entry).prefixlen:
            return wrong("proxy", f"TRUSTED_PROXIES has {entry}: everybody could claim any address; set the proxies'")
    if settings.trusted_proxies:
        return ok("proxy", f"TRUSTED_PROXIES believes {', '.join(settings.trusted_proxies)}")
    if settings.app_env == "production" and not _is_loopback(settings.host):
        return note("proxy", "if one is in front, set TRUSTED_PROXIES to its address, or all clients have that")
    return ok("proxy", "none is believed (TRUSTED_PROXIES)")


def _is_loopback(host: str) -> bool:
    """Or a Unix socket."""
    if host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_outside(settings: Settings, token: str | None, url: str | None) -> Finding:
    """Whether the API is where clients look for it, and takes the token there."""
    if url is None:
        return skipped("url", "give the address for clients as the variable URL to have the API asked there")
    if not url.startswith(("http://", "https://")):
        return wrong("url", "it has to begin with https:// or http://")
    path = urlsplit(url).path.rstrip("/")
    if path != settings.root_path:
        return wrong("url", f"its path is {path or 'empty'}: set ROOT_PATH to that, or give the URL with ROOT_PATH")
    asked, field = ("/api/v1/users/me", "id") if token else ("/health/ready", "status")
    status, code = _asked(url.rstrip("/") + asked, token, field)
    if status != 200 or code:
        return wrong("url", f"{asked} is {status or 'not reached'} {code}: {_cure(status, code)}")
    return ok("url", f"{asked} is 200")


def _cure(status: int, code: str) -> str:
    if "certificate" in code.lower():
        return "let the proxy send a certificate of that name, or set SSL_CERT_FILE to that of its authority"
    if not status:
        return "give the URL that the proxy listens at, and let it run"
    if status == 200:
        return "something else is there: the proxy must pass /api/ and /health/ to the API"
    if status in (502, 503, 504):
        return "no process behind the proxy is ready: its line `not ready` in the log says why"
    return "the proxy must pass it on without ROOT_PATH"


def _asked(url: str, token: str | None, field: str) -> tuple[int, str]:
    """The status, 0 if there was no response, and the code of its problem; empty where the content has the field."""
    request = Request(url, headers={"Authorization": f"Bearer {token.strip()}"} if token else {})  # noqa: S310
    try:
        with urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            return response.status, "" if _value(response.read(65536), field) else _NOT_OURS
    except HTTPError as error:
        with error:
            return error.code, _value(error.read(65536), "code") or _NOT_OURS
    except (URLError, OSError, ValueError) as error:
        return 0, str(getattr(error, "reason", error))


def _value(body: bytes, field: str) -> str:
    """Of JSON that has the field; empty for all else."""
    try:
        return str(json.loads(body)[field])
    except (ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    main()
