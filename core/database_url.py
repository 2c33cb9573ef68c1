"""What can be said of DATABASE_URL before anybody connects."""

from collections.abc import Mapping

import psycopg2
from psycopg2.extensions import parse_dsn

# Of these libpq would complain only when it connects.
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}


def check_database_url(url: str) -> None:
    """Raises ValueError with what is wrong with a URL of PostgreSQL, as far as can be known without connecting."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("must start with postgres:// or postgresql://")
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
        raise ValueError("must have a port between 1 and 65535")
