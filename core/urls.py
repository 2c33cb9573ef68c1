"""What can be said of an http(s) URL before it is used."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Pages of Capacitor and Tauri, which are applications on a device, have schemes of their own.
_ORIGIN = re.compile(r"(?:https?|capacitor|tauri)://([a-z0-9._*-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
# What `*` stands for in the pattern of an origin: one or more characters of one label.
_IN_A_LABEL = "[a-z0-9-]+"


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


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL in its canonical spelling."""
    return "/".join(url.split("/", 3)[:3])


def check_origin(origin: str) -> None:
    """Raises ValueError unless it is an origin as browsers send it (RFC 6454, section 6.2), or a pattern of origins:
    one `*` in one label of the host, which is none of the last two."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        raise ValueError(
            f"{origin!r} is no origin, which is scheme://host[:port] and nothing more; "
            "the scheme is http, https, capacitor or tauri"
        )
    sent = canonical(origin.lower())
    if origin != sent:
        raise ValueError(f"{origin!r} never comes: browsers send it as {sent}")
    if "*" in origin:
        _check_pattern(origin, found[1].split("."))


def _check_pattern(origin: str, labels: list[str]) -> None:
    if origin.count("*") > 1:
        raise ValueError(f"{origin!r} has more than one *")
    if not all(labels) or any("*" in label for label in labels[-2:]):
        raise ValueError(
            f"{origin!r} would match other people's sites: * may not be in the last two labels of the host; "
            "right is https://app-*.example.com"
        )


def origins_regex(origins: Iterable[str]) -> str | None:
    """A regular expression that the origins of the patterns among `origins` match as a whole; None if there are none.
    All of them have passed check_origin."""
    patterns = [re.escape(one).replace(r"\*", _IN_A_LABEL) for one in origins if "*" in one]
    return "|".join(patterns) or None


def is_plain_http(url: str) -> bool:
    """Whether it is an http(s) URL of a host, and nothing but a path behind it: no user, query or fragment."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return known and url.isascii() and url.isprintable() and not set(url) & set("@?# \\")
