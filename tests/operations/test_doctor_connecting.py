"""The doctor where the database can be reached and does not let us in: what to set in its URL."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import SECRET
from tests.core.tokens.key_server import make_certificate
from tests.operations.commands import run


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One for 127.0.0.1, which is its own authority."""
    return make_certificate(tmp_path)


def _rejects(words: str) -> Callable[[socket.socket], None]:
    """As the protocol has it."""
    error = f"SFATAL\0C08P01\0M{words}\0\0".encode()

    def meet(connection: socket.socket) -> None:
        with connection:
            connection.recv(1024)
            connection.sendall(b"E" + (len(error) + 4).to_bytes(4, "big") + error)

    return meet


@contextmanager
def _server(meet: Callable[[socket.socket], None]) -> Iterator[int]:
    """What comes to this port is met so."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                one, _ = listener.accept()
                with suppress(OSError):
                    meet(one)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _said(url: str) -> str:
    lines = run("doctor", DATABASE_URL=url, BETTER_AUTH_SECRET=SECRET).stdout.splitlines()
    return next(line for line in lines if line.startswith("wrong") and " database " in line)


@pytest.mark.parametrize(
    ("host", "authority"),
    [("127.0.0.1", "/nowhere/root.crt"), ("127.0.0.1", "system"), ("localhost", "{certificate}")],
)
def test_a_certificate_that_cannot_be_believed(certificate: Path, host: str, authority: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def meet(connection: socket.socket) -> None:
        with connection:
            connection.recv(8)
            connection.sendall(b"S")
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

    with _server(meet) as port:
        found = _said(
            f"postgresql://api@{host}:{port}/todo?sslmode=verify-full&gssencmode=disable"
            f"&sslrootcert={authority.format(certificate=certificate)}"
        )
    assert ": set sslrootcert in DATABASE_URL to the file of the server's authority" in found, found


@pytest.mark.parametrize(
    ("words", "cure"),
    [  # of PgBouncer, and of PostgreSQL 14 to 18
        ("unsupported startup parameter: options", "take that parameter out of DATABASE_URL"),
        ("server login has been failing, try again later (server_login_retry)", "the pooler is there, and has no"),
        ("query_wait_timeout", "the pooler is there, and has no"),
        ("no more connections allowed (max_client_conn)", "allow more"),
        ("sorry, too many clients already", "allow more"),
        ("remaining connection slots are reserved for roles with the SUPERUSER attribute", "allow more"),
        ("remaining connection slots are reserved for non-replication superuser connections", "allow more"),
        ("the database system is starting up", "wait until it has started"),
        ("the database system is in recovery mode", "wait until it has started"),
        ("the database system is shutting down", "wait until it has started"),
        ('database "todo" is not currently accepting connections', "ALTER DATABASE … ALLOW_CONNECTIONS true"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_with_what_to_do(words: str, cure: str) -> None:
    with _server(_rejects(words)) as port:
        found = _said(
            f"postgresql://api@127.0.0.1:{port}/todo?sslmode=disable&gssencmode=disable&options=-csearch_path%3Dx"
        )
    assert f"cannot connect: 127.0.0.1:{port}: FATAL: {words}: {cure}" in found


def test_a_name_that_is_not_found_is_told() -> None:
    assert _said("postgresql://api@nowhere.invalid:5432/todo").endswith(
        "cannot connect: nowhere.invalid:5432: host not found: "
        "set the host of DATABASE_URL to a name that this machine finds, or mend its DNS"
    )
