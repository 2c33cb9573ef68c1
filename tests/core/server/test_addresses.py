"""Whose address a request has: of both families, through trusted proxies, and as an IPv6 socket names IPv4 clients."""

import secrets
import socket
import tracemalloc
from collections.abc import Callable, Iterator

import httpx
import pytest

from core.config import ConfigurationError
from core.server import listening
from core.server.forwarded import Proxies, unmapped
from tests.conftest import TestDatabase, make_settings
from tests.core.api_process import ApiProcess
from tests.ports import free_port

PROXIES = Proxies(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::ffff:172.16.0.0/108"])
PEER = ("10.0.0.1", 1234)


def _forwarded(*values: str) -> tuple[str | None, str]:
    client, scheme = PROXIES.origin(PEER, [(b"x-forwarded-for", value.encode("latin-1")) for value in values])
    return client[0] if client else None, scheme


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::1", "::1"),
        ("::ffff:0:192.0.2.1", "::ffff:0:192.0.2.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_an_address_is_of_the_family_that_its_client_has(address: str, client: str) -> None:
    assert unmapped(address) == client


@pytest.mark.parametrize(
    ("values", "client"),
    [
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([", ,"], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
        (["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.9.9.9,192.0.2.1 , 2001:db8::5"], "203.0.113.7"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.2:80"], "203.0.113.7"),
        (["2001:0DB9::0:7"], "2001:db9::7"),
        (["[2001:db9::7]"], "2001:db9::7"),
        (["[2001:db9::7]:4711, [2001:db8::5]:80"], "2001:db9::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["[::ffff:203.0.113.7]:4711"], "203.0.113.7"),
        (["203.0.113.7, ::ffff:10.0.0.2"], "203.0.113.7"),
        (["203.0.113.7, 172.16.0.2"], "203.0.113.7"),
        (["unknown"], "10.0.0.1"),
        (["203.0.113.7, unknown"], "10.0.0.1"),
        (["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
        (["unknown, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, [::1"], "::1"),
        (["203.0.113.7, " + "1" * 5000], "10.0.0.1"),
        (["203.0.113.7, \xe9"], "10.0.0.1"),
    ],
)
def test_behind_trusted_proxies_the_client_is_the_first_that_is_none(values: list[str], client: str) -> None:
    assert _forwarded(*values) == (client, "http")


def test_what_is_too_long_for_an_address_is_not_kept_in_memory() -> None:
    tracemalloc.start()
    for number in range(100):
        assert _forwarded(f"{number}" * 30_000) == ("10.0.0.1", "http")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000


@pytest.mark.parametrize("peer", [("203.0.113.1", 1), ("::1", 1), None])
def test_nobody_else_is_believed(peer: tuple[str, int] | None) -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.9"), (b"x-forwarded-proto", b"https")]
    assert PROXIES.origin(peer, headers) == (peer, "http")


@pytest.mark.parametrize("value", [b"https", b"HTTPS", b"wss", b" https"])
def test_a_trusted_proxy_says_that_it_was_asked_over_tls(value: bytes) -> None:
    assert PROXIES.origin(PEER, [(b"x-forwarded-proto", value)]) == (PEER, "https")


@pytest.mark.parametrize(("value", "scheme"), [(b"http", "http"), (b"ws", "http"), (b"gopher", "http")])
def test_a_trusted_proxy_says_by_which_scheme_it_was_asked(value: bytes, scheme: str) -> None:
    assert PROXIES.origin(PEER, [(b"x-forwarded-proto", value)]) == (PEER, scheme)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8' has host bits set: write 10.0.0.0/8, or one address"),
        ("2001:db8::1/32", "'2001:db8::1/32' has host bits set: write 2001:db8::/32, or one address"),
        *(
            (entry, f"'{entry}' is no address and no network such as 10.0.0.0/8")
            for entry in ("*", "nginx", "localhost", "10.0.0", "10.0.0.0/33", "[::1]", "10.0.0.1:80", "10.0.0.0-9")
        ),
    ],
)
def test_what_is_no_network_is_rejected_at_the_start(entry: str, problem: str) -> None:
    """Taken literally it would match no proxy, and all users would share their proxy's address."""
    with pytest.raises(ConfigurationError) as rejected:
        make_settings(trusted_proxies=f"192.0.2.1, {entry}")
    assert str(rejected.value) == f"The settings cannot be used:\n  - TRUSTED_PROXIES: {problem}"


@pytest.fixture(scope="module", params=["1", "2"], ids=["one worker", "two workers"])
def process(request: pytest.FixtureRequest, make_database: Callable[[], TestDatabase]) -> Iterator[ApiProcess]:
    """The program listening at ::, behind a proxy at 127.0.0.9."""
    with ApiProcess(
        make_database().url,
        HOST="::",
        PORT=str(free_port()),
        WEB_CONCURRENCY=request.param,
        TRUSTED_PROXIES="127.0.0.9",
        SIGN_IN_ATTEMPTS_PER_ADDRESS="1",
    ) as running:
        yield running


def _logged_client(process: ApiProcess, host: str, local: str, **headers: str) -> str:
    mark = secrets.token_hex(8)
    with httpx.Client(transport=httpx.HTTPTransport(local_address=local, verify=False)) as client:
        url = f"http://{host}:{process.port}/health/live"
        assert client.get(url, headers={"X-Request-ID": mark, **headers}).status_code == 200
    found: str = process.find(lambda line: line.get("request_id") == mark)["client.address"]
    return found


def test_host_of_two_colons_is_both_families(process: ApiProcess) -> None:
    for host, local in (("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "127.0.0.7"), ("[::1]", "::1")):
        assert _logged_client(process, host, local) == local


def test_a_proxy_of_the_older_family_is_believed(process: ApiProcess) -> None:
    forwarded = {"X-Forwarded-For": "::ffff:203.0.113.7"}
    assert _logged_client(process, "127.0.0.1", "127.0.0.9", **forwarded) == "203.0.113.7"
    assert _logged_client(process, "127.0.0.1", "127.0.0.8", **forwarded) == "127.0.0.8"


def test_clients_of_the_older_family_are_throttled_one_by_one(process: ApiProcess) -> None:
    def sign_in(local: str) -> int:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=local, verify=False), timeout=20) as client:
            body = {"email": f"{secrets.token_hex(4)}@example.com", "password": "a long pass phrase"}
            return client.post(f"{process.url}/api/v1/auth/sign-in", json=body).status_code

    assert [sign_in(local) for local in ("127.0.0.2", "127.0.0.2", "127.0.0.3")] == [401, 429, 401]


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("0::0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_first_steps_begin_where_the_server_is_reached(host: str, origin: str) -> None:
    assert listening.origin(host, 8000) == origin


def _bound(host: str, port: int = 0) -> list[tuple[str, int]]:
    sockets = listening.listeners(host, port)
    names = [one.getsockname()[:2] for one in sockets]
    for one in sockets:
        one.close()
    return names


def test_a_name_is_all_its_addresses_with_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not those that this system lacks: 203.0.113.1 is nobody's, as ::1 is where there is no IPv6."""
    known = ["127.0.0.1", "127.0.0.5", "203.0.113.1", "127.0.0.1"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in known]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    first, second = _bound("localhost")
    assert (first[0], second[0], first[1]) == ("127.0.0.1", "127.0.0.5", second[1])


@pytest.mark.parametrize("host", ["203.0.113.1", "nobody.invalid"])
def test_where_nothing_can_be_had_it_does_not_start(host: str) -> None:
    with pytest.raises(OSError, match=r"requested address|not known|resolution"):
        listening.listeners(host, 0)
