"""The certificate of each address is verified by the name that the URL gives, wherever that name led."""

import asyncio
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.database.errors import DatabaseUnavailableError
from tests.conftest import TestDatabase
from tests.core.database.several_hosts import connecting, met, ports, silent, through
from tests.faults.background import Background
from tests.faults.proxy import Proxy

NAME = "database.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for NAME that signs itself, with its key before it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("certificate") / "server.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def tls(make_database: Callable[[], TestDatabase], certificate: Path) -> Iterator[tuple[TestDatabase, str]]:
    """A database, and the port of a TLS server that leads to it."""
    database, context = make_database(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context, database.proxy.port), daemon=True)
        thread.start()
        yield database, str(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext, target: int) -> None:
    """Takes an SSLRequest (PostgreSQL documentation, "SSL Session Encryption"), and forwards what comes over TLS."""
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            client.recv(8)
            client.sendall(b"S")
            threading.Thread(target=_forward, args=(client, context, target), daemon=True).start()


def _forward(plain: socket.socket, context: ssl.SSLContext, target: int) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as client,
        socket.create_connection(("127.0.0.1", target)) as server,
    ):
        threading.Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


def test_the_name_is_verified_at_the_address_that_responds(tls: tuple[TestDatabase, str], certificate: Path) -> None:
    database, port = tls
    parameters = through(database, port=port, sslmode="verify-full", sslrootcert=str(certificate))
    addresses = ["127.0.0.2", "127.0.0.1"]
    with silent("127.0.0.2", int(port)) as first:
        assert connecting({**parameters, "host": NAME}, ports, {NAME: addresses}) == [port]
        given = {"host": f"other.test,{NAME}", "hostaddr": ",".join(addresses)}
        assert connecting({**parameters, **given, "port": f"{port},{port}"}, ports) == [port]
        assert met(first) == 2


def test_a_server_that_is_far_is_not_silent(tls: tuple[TestDatabase, str], certificate: Path) -> None:
    """Each round trip takes less than its share of the deadline, and all those of TLS and the login take more."""

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", int(tls[1]))

    network = Background("far")
    far = Proxy(network, connect)
    with far.changed(delay=0.4):
        given = {"host": NAME, "port": str(far.port), "sslmode": "verify-full", "sslrootcert": str(certificate)}
        names = {NAME: ["127.0.0.1", "127.0.0.2"]}
        assert connecting(through(tls[0], **given), ports, names) == [str(far.port)]
    far.close()
    network.close()


def test_another_name_is_rejected_though_the_address_is_right(tls: tuple[TestDatabase, str], certificate: Path) -> None:
    database, port = tls
    parameters = through(database, port=port, sslmode="verify-full", sslrootcert=str(certificate))
    reason = 'server certificate for "database.test" does not match host name "other.test"'
    with pytest.raises(DatabaseUnavailableError, match=reason):
        connecting({**parameters, "host": "other.test"}, ports, {"other.test": ["127.0.0.1"]})
    with pytest.raises(DatabaseUnavailableError, match=reason):
        connecting({**parameters, "host": "other.test", "hostaddr": "127.0.0.1"}, ports)
