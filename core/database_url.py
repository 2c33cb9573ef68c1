"""What can be said of DATABASE_URL before anybody connects."""

import psycopg2
from psycopg2.extensions import parse_dsn

# Of these libpq would complain only when it connects.
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
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
    ports = [port for port in parts.get("port", "").split(",") if port]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise ValueError("must have a port between 1 and 65535")
    for name, known in _CHOICES.items():
        if parts.get(name, known[0]) not in known:
            raise ValueError(f"has an unknown {name}; it is one of {', '.join(known)}")
