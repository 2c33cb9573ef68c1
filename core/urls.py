"""What can be said of a URL, an origin or a network before it is used."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import parse_dsn

# Where a Better Auth server publishes its keys, below its base path: by default, and on Neon Auth.
_KEYS_PATHS = ("/jwks", "/.well-known/jwks.json")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Of these libpq would complain only when it connects.
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}
# Pages of Capacitor and Tauri, which are applications on a device, have schemes of their own.
_ORIGIN = re.compile(r"(?:https?|capacitor|tauri)://([a-z0-9._*-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
# Browsers take and send Secure cookies of these; of the last two with http, Safari does not.
_TRUSTWORTHY = re.compile(r"https://.+|http://(?:localhost|127\.0\.0\.1)(?::\d+)?")
# A reference that nothing has expanded (${HOST}, <host>) has such a character too.
_NOT_IN_A_URL = set('@?# \\"$<>^`{|}')
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
# Whoever connects by a Unix socket has no address.
UNIX = "unix:"
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


def is_trustworthy(origin: str) -> bool:
    """Whether nobody between can read what is sent there: https, or this machine itself."""
    return _TRUSTWORTHY.fullmatch(origin) is not None


def check_cookie_origin(origin: str) -> None:
    """Raises ValueError unless its pages may be given cookies; as check_origin, too."""
    check_origin(origin)
    if "*" in origin or not is_trustworthy(origin):
        raise ValueError(
            f"{origin!r} cannot stand beside AUTH_COOKIES: cookies are for pages of https origins without *, "
            "and of http://localhost and http://127.0.0.1"
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
    return known and url.isascii() and url.isprintable() and not set(url) & _NOT_IN_A_URL


def is_plain_path(path: str) -> bool:
    """Whether it is empty, or segments that need no escape in a URL, each with a slash before it."""
    return _PATH.fullmatch(path) is not None


def check_network(entry: str) -> None:
    """Raises ValueError unless it is an address, a network without host bits, or `unix:`."""
    if entry == UNIX:
        return
    try:
        wider = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(f"{entry!r} is no address and no network such as 10.0.0.0/8") from None
    try:
        ip_network(entry)
    except ValueError:
        raise ValueError(f"{entry!r} has host bits set: write {wider}, or one address") from None


def check_database_url(url: str) -> None:
    """Raises ValueError with what is wrong with a URL of PostgreSQL, as far as can be known without connecting."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("must start with postgres:// or postgresql://")
    # libpq takes the rest of such a password for the host, or for the database, which the log names.
    if url.partition("?")[0].count("@") > 1:
        raise ValueError("has an @ in the user or the password: write %40")
    try:
        parts = parse_dsn(url)
    except psycopg2.ProgrammingError:
        raise ValueError(
            "is not a URL that PostgreSQL's libpq reads; "
            "percent-encode special characters and drop parameters of other drivers"
        ) from None
    if "dbname" not in parts or not ("host" in parts or "hostaddr" in parts):
        raise ValueError("must name a host and a database")
    _check_lists(parts)
    for name, known in _CHOICES.items():
        if parts.get(name, known[0]) not in known:
            raise ValueError(f"has an unknown {name}; it is one of {', '.join(known)}")
    if not parts.get("connect_timeout", "0").removeprefix("-").isdecimal():
        raise ValueError("must have a connect_timeout in whole seconds")


def _check_lists(parts: Mapping[str, str]) -> None:
    """Several hosts stand in three lists, of which element by element belongs together."""
    hosts, addresses, ports = (parts.get(name, "").split(",") for name in ("host", "hostaddr", "port"))
    if "host" in parts and "hostaddr" in parts and len(hosts) != len(addresses):
        raise ValueError("must have as many addresses in hostaddr as hosts")
    if len(ports) not in (1, max(len(hosts), len(addresses))):
        raise ValueError("must have one port, or one for each host")
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports if port):
        raise ValueError("must have a port between 1 and 65535, and %2F for a / in the password")


def of_keys(url: str, *, neon: bool) -> tuple[str, ...]:
    """Where the keys of the sign-in server at `url` may be, the likeliest first; the URL may have a base path."""
    base = url if urlsplit(url).path else f"{url}/api/auth"
    return tuple(base + path for path in (reversed(_KEYS_PATHS) if neon else _KEYS_PATHS))
