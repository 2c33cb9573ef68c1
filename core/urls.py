"""What can be said of an http(s) URL before it is used."""

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


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
    """Raises ValueError unless it is an origin as browsers send it (RFC 6454, section 6.2)."""
    scheme, _, host = origin.partition("://")
    if scheme not in ("http", "https") or not host or set(host) & set("/*?# "):
        raise ValueError("each origin is scheme://host[:port], without a path or a wildcard")


def is_plain_http(url: str) -> bool:
    """Whether it is an http(s) URL of a host, and nothing but a path behind it: no user, query or fragment."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return known and url.isascii() and url.isprintable() and not set(url) & set("@?# \\")
