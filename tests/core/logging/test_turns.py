"""Lines of one turn of the event loop leave in one write at its end, without waiting for whoever reads them."""

import os
import signal
import socket
import threading

from core.logging import access
from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess
from tests.core.logging.test_writer import SETUP, messages, run
from tests.core.raw_http import connect

IN_A_LOOP = f"import asyncio, os, sys\n{SETUP}log = structlog.get_logger()\nasync def main():\n"


def test_lines_of_one_turn_are_one_write_and_the_next_turn_does_not_wait() -> None:
    """A socket of packets gives the reader what was written at once, and keeps it apart from the next."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    program = (
        f"{IN_A_LOOP}    for turn in range(3):\n"
        "        for number in range(turn + 1): log.info(str(turn))\n"
        "        await asyncio.sleep(0)\n"
        "    os.write(1, b'ends')\n"
        "asyncio.run(main())\n"
    )
    with ours, theirs:
        with os.fdopen(os.dup(theirs.fileno()), "wb") as output:
            run(program, output)
        theirs.close()
        packets = list(iter(lambda: ours.recv(65536), b""))
    assert packets.pop() == b"ends"
    assert list(map(messages, packets)) == [["0"], ["1", "1"], ["2", "2", "2"]]


def test_a_request_that_was_responded_to_before_another_one_is_in_the_log_though_the_process_is_killed(
    database: TestDatabase,
) -> None:
    with ApiProcess(database.url) as process:
        with connect(process.port) as connection:
            for path in ("/first", "/second"):
                connection.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert connection.response() is not None
        process.send(signal.SIGKILL)
        process.wait()
    assert [line["url.path"] for line in process.lines if line["message"] == "request"][:1] == ["/first"]


def test_a_socket_that_takes_a_part_gets_the_rest_and_all_in_order() -> None:
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    program = (
        f"{IN_A_LOOP}    for number in range(300):\n"
        "        log.info(f'{number}', more='x' * 1000)\n"
        "        await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    received: list[bytes] = []
    with ours, theirs:
        reader = threading.Thread(target=lambda: received.extend(iter(lambda: ours.recv(65536), b"")))
        reader.start()
        with os.fdopen(os.dup(theirs.fileno()), "wb") as output:
            run(program, output)
        theirs.close()
        reader.join()
    assert messages(b"".join(received)) == [str(number) for number in range(300)]


def test_where_a_pipe_cannot_be_opened_anew_the_thread_writes() -> None:
    program = (
        "import resource\n_, most = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "from core.logging import configure\nimport structlog\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))\n"
        "configure('INFO', 'production')\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, most))\n"
        "import asyncio\n"
        "async def main(): structlog.get_logger().info('written')\n"
        "asyncio.run(main())\n"
    )
    assert messages(run(program)) == ["written"]


def test_lines_of_a_loop_and_of_its_threads_are_all_written() -> None:
    program = (
        f"{IN_A_LOOP}    many = [asyncio.to_thread(log.info, 'thread') for _ in range(20)]\n"
        "    for number in range(100):\n"
        "        log.info('loop')\n"
        "        await asyncio.sleep(0)\n"
        "    await asyncio.gather(*many)\n"
        "asyncio.run(main())\n"
        "log.info('after')\n"
    )
    written = messages(run(program))
    assert sorted(written) == ["after"] + ["loop"] * 100 + ["thread"] * 20


def test_what_a_loop_did_not_come_to_is_written_at_the_end() -> None:
    program = (
        f"import asyncio\n{SETUP}"
        "loop = asyncio.new_event_loop()\n"
        "loop.call_soon(lambda: (structlog.get_logger().info('late'), loop.stop()))\n"
        "loop.run_forever()\n"
        "loop.close()\n"
    )
    assert messages(run(program)) == ["late"]


def test_the_time_of_a_line_is_that_of_the_clock() -> None:
    first, second = access.now(), access.now()
    assert first <= second
    assert len(first) == len("2026-11-28T19:14:40.553264Z") == len(second)
