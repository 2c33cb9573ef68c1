"""Where the server listens: sockets of a host and a port, a Unix socket, or what systemd or a parent passes."""

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import structlog

# A name such as localhost has an address of a family that this system may lack.
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

_PLACE = (
    "Cannot listen on {0}, port {1}: {why}. Set {prefix}PORT to one that is free ({prefix}PORT=8001 make run, say), or "
    "{prefix}HOST to an address of this machine."
)
_SOCKET = "Cannot listen on {}: {why}."

_log = structlog.get_logger("core.server.listening")


# So many connections wait to be accepted, or as many as the system allows; uvicorn's own.
BACKLOG = 2048

# systemd passes the first one under this number (sd_listen_fds).
FIRST_DESCRIPTOR = 3


class Listening(NamedTuple):
    """Sockets that listen, and what uvicorn's configuration is to call them: `host` and `port`, or `uds`."""

    sockets: list[socket.socket]
    names: dict[str, Any]


def open_or_exit(host: str, port: int, arguments: Sequence[str] = (), prefix: str = "") -> Listening:
    """What was passed, by `--fd` of the `arguments` or as systemd does; else `listeners`.

    Where there can be none, the log says why, a sentence which settings to change (`prefix` is METRICS_ or nothing),
    and the process ends with status 1.
    """
    passed = _passed(arguments)
    try:
        sockets = [_inherited(one) for one in passed] if passed else listeners(host, port)
        name = sockets[0].getsockname()
    except OSError as error:
        _log.error("cannot listen", **{"server.address": host, "server.port": port, "exception.message": str(error)})
        socket_of = "the socket that was passed" if passed else host if host.startswith("/") else None
        why = error.strerror or error
        sys.exit(_SOCKET.format(socket_of, why=why) if socket_of else _PLACE.format(host, port, prefix=prefix, why=why))
    if isinstance(name, str):
        return Listening(sockets, {"uds": name})
    return Listening(sockets, {"host": name[0], "port": name[1]} if passed else {"host": host, "port": port})


def _passed(arguments: Sequence[str]) -> Iterable[int]:
    """The numbers of the descriptors that this process was started with, and none of its children is to take for its
    own."""
    count, pid = os.environ.pop("LISTEN_FDS", ""), os.environ.pop("LISTEN_PID", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if len(arguments) == 2 and arguments[0] == "--fd" and arguments[1].isdecimal():
        return [int(arguments[1])]
    if arguments:
        sys.exit("main.py takes its settings from variables, and --fd NUMBER: a descriptor that it is to listen on.")
    mine = pid == str(os.getpid()) and count.isdecimal()
    return range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)) if mine else ()


def _inherited(descriptor: int) -> socket.socket:
    found = socket.socket(fileno=descriptor)
    if found.type != socket.SOCK_STREAM:
        found.close()
        raise OSError(errno.EINVAL, f"descriptor {descriptor} is no stream socket")
    found.set_inheritable(False)
    return found


def listeners(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for all addresses of `host`, with one port; `::` is both families, however the system is set. A
    `host` that begins with / is the path of a Unix socket.

    Raises OSError where none can be had, or a port is taken.
    """
    if host.startswith("/"):
        return [_unix(Path(host))]
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
        made.listen(BACKLOG)  # or a second process can bind it as well, and is told nothing
    except OSError:
        made.close()
        raise
    return made


def _unix(path: Path) -> socket.socket:
    """Takes the place of a socket that nobody listens on any more. Who may connect, its folder says."""
    with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            if stat.S_ISSOCK(path.stat().st_mode):
                path.unlink()
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(str(path))
        path.chmod(0o666)
        made.listen(BACKLOG)
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
