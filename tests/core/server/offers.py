"""Offers to switch to another protocol, as clients make them; this server ignores all (RFC 9110, section 7.8)."""

import re

OFFERS = {
    "no offer": b"",
    "HTTP/2, as Java's client makes it": (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    ),
    "websocket": (
        b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    ),
    "several in one line": b"connection: upgrade\r\nUPGRADE: HTTP/3.0, h2c, websocket, TLS/1.0\r\n",
    "several in lines": b"Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n",
    "one that Connection does not name": b"Upgrade: h2c\r\n",
    "none, but Connection names one": b"Connection: upgrade\r\n",
}


def offering(offer: str, message: bytes) -> bytes:
    """`message` with that offer as the first of its headers, if it has a line of HTTP before them."""
    return re.sub(rb"HTTP/\d\.\d\r\n", lambda line: line[0] + OFFERS[offer], message, count=1)
