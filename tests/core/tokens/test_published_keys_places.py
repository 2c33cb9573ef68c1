"""Where a server publishes its keys is found by asking: both places where it is not known, one from then on."""

import asyncio
import json
import socket
import threading
import time
from http.client import HTTPException

import pytest
from structlog.testing import capture_logs

from core.tokens.key_download import MAX_BYTES, fetch
from core.tokens.key_set import parse
from core.tokens.published_keys import PublishedKeys
from core.tokens.verifier import ASYMMETRIC, TokenVerifier
from tests.core.database.database_path import run
from tests.core.tokens.key_server import FIRST, PATH, SECOND, WELL_KNOWN, KeyServer, SigningKey
from tests.core.tokens.test_published_keys import outcome


def verifier_for(server: KeyServer) -> TokenVerifier:
    keys = PublishedKeys([server.url + PATH, server.url + WELL_KNOWN], 600)
    return TokenVerifier(dict.fromkeys(ASYMMETRIC, keys), [server.url], [server.url])


@pytest.mark.parametrize(("path", "asked"), [(PATH, [PATH]), (WELL_KNOWN, [PATH, WELL_KNOWN])])
def test_the_keys_are_found_at_either_place_and_asked_for_there(server: KeyServer, path: str, asked: list[str]) -> None:
    """The log says where; a place that is known is not looked for again."""
    server.path = path

    async def main() -> None:
        verifier = verifier_for(server)
        with capture_logs() as logs:
            assert await outcome(verifier, FIRST.token(server.url)) == "u1"
        [line] = logs
        assert (line["event"], line["keys.count"], line["url.full"]) == ("keys fetched", 1, server.url + path)
        assert server.asked == asked
        server.keys.append(SECOND.jwk)
        assert await outcome(verifier, SECOND.token(server.url)) == "u1"
        assert server.asked == [*asked, path]

    run(main())


def test_keys_that_move_are_found_again(server: KeyServer) -> None:
    async def main() -> None:
        verifier = verifier_for(server)
        for path, key in ((PATH, FIRST), (WELL_KNOWN, SECOND), (PATH, SigningKey(kid="third"))):
            server.path, server.keys = path, [key.jwk]
            assert await outcome(verifier, key.token(server.url)) == "u1"

    run(main())
    assert server.asked == [PATH, PATH, WELL_KNOWN, WELL_KNOWN, PATH]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
def test_keys_that_are_at_neither_place_are_unavailable_and_the_log_names_both(server: KeyServer, status: int) -> None:
    server.path, server.status = WELL_KNOWN, status

    async def main() -> None:
        assert await outcome(verifier_for(server), FIRST.token(server.url)) == "keys_unavailable"

    with capture_logs() as logs:
        run(main())
    assert logs == [
        {
            "event": "keys not fetched",
            "log_level": "warning",
            "error.type": "NotThereError",
            "error.reason": f"the status is 404 at {server.url}{PATH}, "
            f"the status is {status} at {server.url}{WELL_KNOWN}",
        }
    ]
    assert server.asked == [PATH, WELL_KNOWN]


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308, 429, 500, 502, 503])
def test_a_server_in_trouble_is_not_asked_twice(server: KeyServer, status: int) -> None:
    """Nor is a redirect followed: that would be a third place, of somebody else's choice."""
    server.status, server.headers = status, {"Location": server.url + WELL_KNOWN}
    with pytest.raises(HTTPException, match=f"^the status is {status}$"):
        fetch([server.url + PATH, server.url + WELL_KNOWN])
    assert server.asked == [PATH]


def test_what_is_no_key_set_is_not_looked_for_elsewhere(server: KeyServer) -> None:
    server.body = b"<!doctype html>"
    assert fetch([server.url + PATH, server.url + WELL_KNOWN]) == (server.url + PATH, b"<!doctype html>")
    assert server.asked == [PATH]


def test_a_server_that_is_away_is_not_asked_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConnectionRefusedError):
        fetch([url + PATH, url + WELL_KNOWN])


def test_both_tries_share_one_deadline() -> None:
    """The first takes most of it; so the second, which gets no response, is hung up on sooner than the first took."""
    first_takes = 1.5
    times: list[float] = []

    def serve() -> None:
        for response in (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b""):
            connection, _ = listening.accept()
            with connection:
                times.append(time.monotonic())
                connection.recv(65_536)
                if response:
                    time.sleep(first_takes)
                    connection.sendall(response)
                else:
                    connection.recv(1)  # nothing comes until it is closed
            times.append(time.monotonic())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises((OSError, HTTPException)):
            fetch([url + PATH, url + WELL_KNOWN], first_takes + 1)
        thread.join()
    asked, _, asked_again, hung_up = times
    assert hung_up - asked_again < asked_again - asked


def test_thousands_of_keys_are_taken_and_are_no_work_of_the_event_loop(server: KeyServer) -> None:
    """As many as fit into 1 MiB. What the loop's thread does meanwhile is a fraction of what reading them takes."""
    some = [SigningKey().jwk for _ in range(20)]
    server.keys = [FIRST.jwk, *({**some[n % 20], "kid": f"{n:032}"} for n in range(7200))]
    body = json.dumps({"keys": server.keys}).encode()
    assert 0.9 * MAX_BYTES < len(body) <= MAX_BYTES
    started = time.thread_time()
    assert len(parse(body)) == 7201
    reading = time.thread_time() - started

    async def main() -> None:
        verifier = verifier_for(server)
        started = time.thread_time()
        token = FIRST.token(server.url)
        for _ in range(30):  # a busy machine may need longer for them than a request waits
            if (told := await outcome(verifier, token)) != "keys_unavailable":
                break
            await asyncio.sleep(1)
        assert told == "u1"
        assert time.thread_time() - started < reading / 4

    run(main())
