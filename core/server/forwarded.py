"""Whose request it is: the address behind trusted proxies, and the one that an IPv6 socket gives an IPv4 client."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from core.urls import UNIX

Client = tuple[str, int] | None
Scheme = Literal["http", "https"]

_MAPPED = IPv6Network("::ffff:0:0/96")
# What a proxy may call it that was asked for a WebSocket: the request that offers one is an ordinary request here.
_SECURE = (b"https", b"wss")
# Longer than an address with its zone and a port can be.
_ENTRY_LENGTH = 80


def unmapped(address: str) -> str:
    """192.0.2.1 for `::ffff:192.0.2.1`, as a socket of both families names it (RFC 4291, section 2.5.5.2)."""
    if not address.startswith("::ffff:"):
        return address
    mapped = IPv6Address(address).ipv4_mapped
    return address if mapped is None else str(mapped)


class Proxies:
    """The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        """`networks` have passed check_network."""
        self._networks = tuple(_unmapped_network(entry) for entry in networks if entry != UNIX)
        self._unix = UNIX in networks
        self._look = lru_cache(maxsize=4096)(self._look_up)

    def origin(self, client: Client, headers: Sequence[tuple[bytes, bytes]]) -> tuple[Client, Scheme]:
        """Who asked, and by which scheme, for what came from `client`: as its proxy says if it is a trusted one.

        X-Forwarded-For is read from its end, as each proxy appends whom it saw: the first address that is no trusted
        proxy's is the client's. What stands before an entry that is no address cannot be believed. Of a Unix socket,
        `client` is None.
        """
        if not (self._unix if client is None else self._look(client[0])[1]):
            return client, "http"
        entries, scheme = _told(headers)
        for entry in reversed(entries):
            address, trusted = self._look(entry) if len(entry) <= _ENTRY_LENGTH else (None, False)
            if address is None:
                break
            client = (address, 0)
            if not trusted:
                break
        return client, scheme

    def _look_up(self, entry: str) -> tuple[str | None, bool]:
        """The address of an entry, or None, and whether it is a trusted proxy's."""
        try:
            address = ip_address(unmapped(_host(entry)))
        except ValueError:
            return None, False
        return str(address), any(address in network for network in self._networks)


def _told(headers: Sequence[tuple[bytes, bytes]]) -> tuple[list[str], Scheme]:
    """The entries of all X-Forwarded-For in their order, and the scheme."""
    entries: list[str] = []
    scheme: Scheme = "http"
    for name, value in headers:
        if name == b"x-forwarded-for":
            entries += value.decode("latin-1").split(",")
        elif name == b"x-forwarded-proto":
            scheme = "https" if value.strip().lower() in _SECURE else "http"
    return [entry.strip() for entry in entries if entry.strip()], scheme


def _host(entry: str) -> str:
    """Without a port: `192.0.2.1:80`, `[2001:db8::1]:80`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _unmapped_network(entry: str) -> IPv4Network | IPv6Network:
    network = ip_network(entry)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network
