"""A real HTTP server that publishes keys as Better Auth does, counts its responses, and can be slow, wrong or away."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms

PATH = "/api/auth/jwks"
WELL_KNOWN = "/api/auth/.well-known/jwks.json"


class SigningKey:
    """A key pair as Better Auth makes it; `jwk` is what it publishes."""

    def __init__(self, algorithm: str = "EdDSA", kid: str = "first") -> None:
        self.algorithm = algorithm
        self.kid = kid
        public: dict[str, Any]
        if algorithm == "EdDSA":
            self.private: Any = ed25519.Ed25519PrivateKey.generate()
            public = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        elif algorithm.startswith("ES"):
            self.private = ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP521R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = rsa.generate_private_key(65537, 2048)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
            del public["key_ops"]
        self.jwk = {**public, "alg": algorithm, "kid": kid}

    def token(self, url: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token as the jwt plugin of the server at `url` signs it. What is None is left out."""
        now = int(time.time())
        merged = {"sub": "u1", "iat": now, "exp": now + 900, "iss": url, "aud": url, **claims}
        return self.sign({"alg": self.algorithm, "kid": self.kid, **(header or {})}, merged)

    def sign(self, header: dict[str, Any] | bytes, claims: dict[str, Any] | bytes) -> str:
        """A right signature over whatever is said."""
        signed = f"{_segment(header)}.{_segment(claims)}"
        return f"{signed}.{b64(get_default_algorithms()[self.algorithm].sign(signed.encode(), self.private))}"


FIRST, SECOND = SigningKey(kid="first"), SigningKey(kid="second")


class KeyServer:
    """Listens on a free port of the loopback until `close`. The keys are at `path`; any other is 404.

    `asked` has the path of each request that it has had.
    """

    def __init__(self, *keys: SigningKey, certificate: Path | None = None) -> None:
        self.keys = [key.jwk for key in keys]
        self.asked: list[str] = []
        self.path = PATH
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        # Seconds by which its clock is ahead; None where it has none.
        self.ahead: float | None = 0.0
        self.before: Callable[[], object] = lambda: None
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._response(self)

            def do_HEAD(self) -> None:
                owner._response(self)

            def date_time_string(self, timestamp: float | None = None) -> str:
                if owner.ahead is None:
                    return "unknown"
                return super().date_time_string((timestamp or time.time()) + owner.ahead)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.url = self.url.replace("http", "https")
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True)
        self._thread.start()

    @property
    def responses(self) -> int:
        """How many requests it has had."""
        return len(self.asked)

    def _response(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        # What is published is read before what the test lets happen meanwhile.
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        status = self.status if request.path == self.path else 404
        self.before()
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **self.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)

    def close(self) -> None:
        """Nobody listens from then on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def make_certificate(folder: Path, days: int = 1) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts yet, with its key, in one file; it is good for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days))
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = builder.add_extension(addresses, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    path = folder / f"certificate-of-{days}.pem"
    path.write_bytes(pem)
    return path


def _segment(value: dict[str, Any] | bytes) -> str:
    if isinstance(value, dict):
        value = json.dumps({name: member for name, member in value.items() if member is not None}).encode()
    return b64(value)


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
