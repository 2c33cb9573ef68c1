"""Where the server listens: the sockets of a host and a port, and what to call them."""

import errno
import socket
import sys
from ipaddress import ip_address

import structlog

# A name such as localhost has an address of a family that this system may lack.
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

_log = structlog.get_logger("core.server.listening")


def listeners_or_exit(host: str, port: int) -> list[socket.socket]:
    """`listeners`; where there can be none, the log says why and the process ends with status 1."""
    try:
        return listeners(host, port)
    except OSError as error:
        _log.error("cannot listen", **{"server.address": host, "server.port": port, "exception.message": str(error)})
        sys.exit(1)


def listeners(host: str, port: int) -> list[socket.socket]:
    """Bound sockets for all addresses of `host`, with one port; `::` is both families, however the system is set.

    Raises OSError where none can be had, or a port is taken.
    """
    bound: list[socket.socket] = []
    missing: OSError | None = None
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        try:
            bound.append(_bound(family, (address[0], port, *address[2:]), both=_is_any(host)))
        except OSError as error:
            if error.errno not in _NO_SUCH_FAMILY:
                raise
            missing = error
        else:
            port = bound[0].getsockname()[1]
    if missing and not bound:
        raise missing
    return bound


def _bound(family: int, address: tuple[object, ...], *, both: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def origin(host: str, port: int) -> str:
    """The URL at which somebody on the same machine reaches it."""
    if _is_any(host):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_any(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
