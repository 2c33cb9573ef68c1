"""A client that sends exactly the bytes it is given, for what no well-behaved client would send."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawResponse:
    """One response as it came over the wire; names of headers in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header that must be there exactly once."""
        (value,) = [value for found, value in self.headers if found == name]
        return value

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class RawConnection:
    """One TCP connection to the server."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(20)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect(("127.0.0.1", port))
        self._buffer = bytearray()
        self.received = bytearray()

    def send(self, data: bytes) -> bool:
        """Sends `data`, and says whether it could: a server that has closed may have left a response to read."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def response(self) -> RawResponse | None:
        """The next response, or None where the server closed the connection instead."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        status_line, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines if line]
        headers = [(name.lower(), value) for name, value in pairs]
        length = int(dict(headers).get("content-length", "0"))
        while len(self._buffer) < length:
            assert self._receive(), "the body ended early"
        body = self._take(length)
        return RawResponse(int(status_line.split(" ")[1]), headers, body)

    def responses(self) -> list[RawResponse]:
        """All responses until the server closes the connection."""
        return list(iter(self.response, None))

    def seconds_until_closed(self) -> float:
        """How long the server keeps the connection from now on."""
        started = time.monotonic()
        while self._receive():
            pass
        return time.monotonic() - started

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()

    def _until(self, end: bytes) -> bytes | None:
        while end not in self._buffer:
            if not self._receive():
                assert not self._buffer, "the connection ended within a response"
                return None
        return self._take(self._buffer.index(end) + len(end)).removesuffix(end)

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        self.received += data
        return data != b""


@contextmanager
def connect(port: int, receive_buffer: int | None = None) -> Iterator[RawConnection]:
    """A connection that is closed in the end."""
    connection = RawConnection(port, receive_buffer)
    try:
        yield connection
    finally:
        connection.close()


def exchange(port: int, data: bytes) -> list[RawResponse]:
    """Sends `data` on a fresh connection, and gives all responses until the server closes it."""
    with connect(port) as connection:
        connection.send(data)
        return connection.responses()
