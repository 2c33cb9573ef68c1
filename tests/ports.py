"""Ports of the loopback for programs that cannot be asked which port the system gave them."""

import random
import socket
from contextlib import suppress
from pathlib import Path

CANDIDATES = range(10_000, 61_000)


def free_port() -> int:
    """One that nobody listens on, that the system gives to nobody, and that no other caller is given.

    What bind(2) gives for port 0 is given again once it is closed, to a server of another test that asks for any port,
    or to a connection: now and then before the program that it was meant for listens.
    """
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if not low <= port <= high and _is_free(port) and _reserve(port):
            return port
    raise RuntimeError(f"no port from {CANDIDATES[0]} to {CANDIDATES[-1]} is free outside of {low} to {high}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def _reserve(port: int) -> bool:
    """Takes an abstract name until this process ends, so that of test processes at once only one is given the port."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0port of a test {port}")
    except OSError:
        name.close()
        return False
    name.detach()
    return True
