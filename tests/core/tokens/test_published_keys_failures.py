"""What the key server may do wrong: be away, be slow, send something else. Requests are served all the same."""

import asyncio
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.tokens.key_download import MAX_BYTES, download, hang_up
from core.tokens.key_set import parse
from core.tokens.published_keys import RETRY_SECONDS, WAIT_SECONDS
from tests.core.database.database_path import run
from tests.core.tokens.key_server import FIRST, PATH, SECOND, KeyServer, make_certificate
from tests.core.tokens.test_published_keys import at_once, outcome, verifier_for


def test_the_keys_stay_in_use_while_the_server_is_away(server: KeyServer) -> None:
    """Longer than their greatest age, and without a wait; of a key that is not known nothing can be said."""

    async def main() -> None:
        verifier = verifier_for(server, max_age=0.2)
        await verifier.verify(FIRST.token(server.url))
        server.close()
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            assert await outcome(verifier, FIRST.token(server.url)) == "u1"
        assert (await at_once(verifier, FIRST.token(server.url, sub="u2"))).user_id == "u2"
        assert {await outcome(verifier, SECOND.token(server.url)) for _ in range(3)} == {"keys_unavailable"}

    run(main())


def test_a_server_that_comes_back_is_asked_again_after_a_second(server: KeyServer) -> None:
    """Until then nobody waits for it."""
    server.status = 500
    token = FIRST.token(server.url)

    async def main() -> None:
        verifier = verifier_for(server)
        with capture_logs() as logs:
            assert {await outcome(verifier, token) for _ in range(100)} == {"keys_unavailable"}
        assert server.responses <= 2
        assert logs[0] == {
            "event": "keys not fetched",
            "log_level": "warning",
            "error.type": "HTTPException",
            "error.reason": "the status is 500",
        }
        server.status = 200
        deadline = time.monotonic() + RETRY_SECONDS + 2
        while (found := await outcome(verifier, token)) != "u1":
            assert found == "keys_unavailable"
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

    run(main())


def test_a_server_that_fails_late_is_given_its_second_as_well(server: KeyServer) -> None:
    server.status, server.before = 500, lambda: time.sleep(RETRY_SECONDS + 0.1)

    async def main() -> None:
        verifier = verifier_for(server)
        assert {await outcome(verifier, FIRST.token(server.url)) for _ in range(4)} == {"keys_unavailable"}

    run(main())
    assert server.responses <= 2


def test_a_request_waits_for_a_slow_server_for_two_seconds(server: KeyServer) -> None:
    """The fetch goes on, and the next request has its keys."""
    server.before = lambda: time.sleep(WAIT_SECONDS + 1)
    token = FIRST.token(server.url)

    async def main() -> None:
        verifier = verifier_for(server)
        assert await outcome(verifier, token) == "keys_unavailable"
        assert await outcome(verifier, token) == "u1"
        assert server.responses == 1

    run(main())


def test_a_request_that_is_given_up_does_not_end_the_fetch_of_the_others(server: KeyServer) -> None:
    server.before = lambda: time.sleep(0.2)
    token = FIRST.token(server.url)

    async def main() -> None:
        verifier = verifier_for(server)
        given_up = asyncio.create_task(outcome(verifier, token))
        waiting = asyncio.create_task(outcome(verifier, token))
        await asyncio.sleep(0.05)
        given_up.cancel()
        assert await waiting == "u1"
        assert server.responses == 1

    run(main())


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"keys": {}}', b'{"error": "no"}', b'{"keys": [], "keys": []}', b" " * (MAX_BYTES + 1)],
)
def test_a_response_that_is_no_key_set_changes_nothing(server: KeyServer, body: bytes) -> None:
    async def main() -> None:
        verifier = verifier_for(server, max_age=0.2)
        await verifier.verify(FIRST.token(server.url))
        server.body = body
        await asyncio.sleep(0.3)
        assert await outcome(verifier, FIRST.token(server.url)) == "u1"
        assert server.responses == 2

    run(main())


def test_a_redirect_is_not_followed(server: KeyServer) -> None:
    other = KeyServer(FIRST)
    server.status, server.headers = 308, {"Location": other.url + PATH}
    with closing(other), pytest.raises(HTTPException, match=r"^the status is 308$"):
        download(server.url + PATH)
    assert (server.responses, other.responses) == (1, 0)


def test_what_is_too_large_is_not_read(server: KeyServer) -> None:
    server.body = b" " * MAX_BYTES
    assert len(download(server.url + PATH)) == MAX_BYTES
    server.body += b" "
    with pytest.raises(HTTPException, match=r"^the response is too large$"):
        download(server.url + PATH)


def test_a_path_is_not_needed(server: KeyServer) -> None:
    """The server is asked for its root."""
    with pytest.raises(HTTPException, match=r"^the status is 404$"):
        download(server.url)


@pytest.mark.parametrize(
    "drip", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", b"HTTP/1.0 200 OK\r\n\r\n{"]
)
def test_a_server_that_dawdles_is_hung_up_on(drip: bytes) -> None:
    """Silent, or a byte now and then: each would be in time, together they are not."""
    started = time.monotonic()

    def dawdle() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(drip)
            while not drip and connection.recv(4096):
                pass
            while drip and time.monotonic() < started + 10:
                connection.sendall(b" ")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=dawdle)
        thread.start()
        with pytest.raises(TimeoutError, match=r"^no whole response in time$"):
            download(f"http://127.0.0.1:{listening.getsockname()[1]}/jwks", 0.3)
        thread.join()
    assert time.monotonic() - started < 5


def test_hanging_up_on_a_connection_that_has_ended_is_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = socket.create_connection(listening.getsockname())
    ended.close()
    hang_up(ended)


def test_a_server_without_a_trusted_certificate_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    secure = KeyServer(FIRST, certificate=certificate)
    with closing(secure):
        with pytest.raises(ssl.SSLCertVerificationError):
            download(secure.url + PATH)
        assert secure.responses == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert set(parse(download(secure.url + PATH))) == {"EdDSA first"}
