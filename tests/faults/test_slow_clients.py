"""Clients that send or read by the byte, or hang up: others are served as ever, and nothing of them stays."""

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from tests.conftest import make_token
from tests.faults.bench import Bench
from tests.faults.bounds import EVENT_SECONDS, SLACK_SECONDS
from tests.faults.conftest import Say
from tests.faults.http_client import HttpClient
from tests.faults.load import CLIENTS, Load
from tests.faults.programs import Replica, wait_until
from tests.faults.report import Report
from tests.faults.visitor import TASKS

SLOW = 80
UNREAD = 20
HEAD_SECONDS, BODY_SECONDS = 4, 6
# What a client that is not slow may wait meanwhile: less than one that waits for the place of a slow one (4 s).
SERVED_SECONDS = SLACK_SECONDS
# Passed where the settings are not heeded (10 s and 30 s), or nobody is dropped.
DROPPED_SECONDS = BODY_SECONDS + SLACK_SECONDS
# Nobody else's connections to this process: those of the clients and of the probes of health.
OTHERS = CLIENTS + 2
ROWS: list[list[object]] = []
Slow = Callable[[int, str], Awaitable[None]]


@pytest.fixture(scope="module")
def replica(bench: Bench) -> Iterator[Replica]:
    """One process that all of them go to."""
    made = bench.replica("slow", bench.direct.url, HEAD_TIMEOUT=str(HEAD_SECONDS), BODY_TIMEOUT=str(BODY_SECONDS))
    made.launch()
    yield made
    made.stop()


def _head(token: str, method: str, path: str, more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode()


async def _dribble(writer: asyncio.StreamWriter, text: bytes) -> None:
    for number in text:
        if writer.is_closing():
            return
        writer.write(bytes([number]))
        await asyncio.sleep(0.5)


async def head_by_the_byte(port: int, token: str) -> None:
    """A request of which no head ever ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.ensure_future(_dribble(writer, _head(token, "GET", TASKS)))
    await reader.read()
    sending.cancel()
    writer.close()


async def body_by_the_byte(port: int, token: str) -> None:
    """A complete head, and then a byte now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head(token, "POST", TASKS, "Content-Type: application/json\r\nContent-Length: 1000\r\n"))
    sending = asyncio.ensure_future(_dribble(writer, b" " * 1000))
    with suppress(ConnectionResetError):  # it may close while bytes are on their way
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    sending.cancel()
    writer.close()


async def nothing_at_all(port: int, _: str) -> None:
    """A connection and no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.read()
    writer.close()


async def hang_up(port: int, token: str) -> None:
    """Sends requests and does not wait for the responses."""
    ended = time.monotonic() + HEAD_SECONDS
    while time.monotonic() < ended:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_head(token, "GET", TASKS))
        await asyncio.sleep(random.uniform(0.2, 0.6))
        writer.transport.abort()


@pytest.mark.parametrize("slow", [head_by_the_byte, body_by_the_byte, nothing_at_all, hang_up])
def test_slow_clients_are_dropped_in_time_and_hold_up_nobody(
    bench: Bench, replica: Replica, report: Report, say: Say, slow: Slow
) -> None:
    with Load(bench.clients, [replica.port]) as load:
        wait_until(lambda: len(load.seen.responses) > 50, EVENT_SECONDS, "the load")
        started = time.monotonic()
        bench.clients.call(_all(slow, replica.port, make_token("slow", exp=4_000_000_000)), 60)
        seconds = time.monotonic() - started
        served = load.seen.since(started)
        left = wait_until(lambda: _connections(replica) <= OTHERS, EVENT_SECONDS, "the end of the connections")
    longest, failed = max(response.seconds for response in served), sum(response.status >= 500 for response in served)
    row = [str(slow.__doc__), SLOW, f"{seconds:.1f} s", len(served), failed, f"{longest:.2f} s", f"{left:.1f} s"]
    say(str(row))
    ROWS.append(row)
    head = ["slow clients", "how many", "dropped after", "others served meanwhile", "failed", "longest", "closed after"]
    report.table("slow-clients", head, ROWS)
    assert load.seen.complaints() == []
    assert failed == 0
    assert longest < SERVED_SECONDS
    assert seconds < DROPPED_SECONDS


def _connections(replica: Replica) -> int:
    """How many clients' connections the process has; those to its database come and go."""
    found = psutil.Process(replica.pid).net_connections("tcp")
    return sum(bool(one.raddr) and one.laddr.port == replica.port for one in found)


async def _all(slow: Slow, port: int, token: str) -> None:
    await asyncio.gather(*(slow(port, token) for _ in range(SLOW)))


def test_clients_that_do_not_read_their_responses_are_dropped(bench: Bench, replica: Replica, say: Say) -> None:
    sockets = bench.clients.call(_ask_and_never_read(replica.port, make_token(f"unread-{replica.pid}")), 60)
    wait_until(lambda: _connections(replica) >= UNREAD, EVENT_SECONDS, "the connections")
    # The time runs from when nothing more fits; without heed of the setting it would be 30 s.
    took = wait_until(lambda: _connections(replica) == 0, BODY_SECONDS + 10, "the end of the connections")
    say(f"{UNREAD} connections dropped after {took:.1f} s")
    for unread in sockets:
        unread.close()


async def _ask_and_never_read(port: int, token: str) -> list[socket.socket]:
    """Asks for far more than the buffers on the way hold."""
    client = HttpClient(port, token)
    for _ in range(50):
        assert (await client.send("POST", TASKS, {"title": "long", "description": "x" * 10_000})).ok
    client.close()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(UNREAD)]
    for unread in sockets:
        unread.sendall(_head(token, "GET", f"{TASKS}?limit=50") * 50)
    await asyncio.sleep(1)
    return sockets
