"""A log that nobody reads, or that cannot be written, stops nothing: the service goes on, and says what is missing."""

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import pytest

from core.logging.writer import MAX_WRITE_BYTES
from core.server.workers import LIFE_SECONDS
from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess, Line
from tests.core.raw_http import connect
from tests.ports import free_port
from tests.waiting import poll

# Each of these characters is six in JSON: a line of 3.5 KB, of which 300 fill a process's buffer.
LONG = "/" + "%01" * 500
SERVICE = {"service.name", "service.version", "service.instance.id", "deployment.environment.name"}
ALWAYS = {"timestamp", "level", "message", "logger"} | SERVICE
# A request that waits for the log waits for ever.
PATIENCE = 10
HANDFUL = 10


def ask(process: ApiProcess, path: str, count: int) -> int:
    """So many requests on a few connections at once, a handful on their way at a time; all must get a response."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def some(_: int) -> int:
        with connect(process.port) as connection:
            received = 0
            while received < count // 4:
                connection.send(request * HANDFUL)
                received += len([connection.response() or pytest.fail("no response") for _ in range(HANDFUL)])
            return received

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(some, range(4)))


def stall(process: ApiProcess) -> int:
    """Fills what takes the lines up to the brim; gives the number of requests."""
    process.stop_reading()
    return ask(process, LONG, 1200)


def assert_healthy(process: ApiProcess) -> int:
    """On so many connections that each worker gets some; gives the number of requests."""
    for path in ("/health/live", "/health/ready") * 10:
        with httpx.Client(timeout=PATIENCE, verify=False) as client:
            assert client.get(f"{process.url}{path}").status_code == 200
    return 20


def dropped(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line["message"] == "log lines dropped"]


def accounted(lines: list[Line]) -> int:
    """How many requests the log tells of, those included that it only counts."""
    read = [line for line in lines if line["message"] == "request"]
    counted: int = sum(line["todo_api.dropped_lines"] for line in dropped(lines))
    return len(read) + counted


@pytest.mark.parametrize("workers", [1, 2])
def test_a_reader_that_stalls_delays_nobody_and_the_lines_that_it_misses_are_counted(
    database: TestDatabase, workers: int
) -> None:
    with ApiProcess(database.url, WEB_CONCURRENCY=str(workers)) as process:
        made = stall(process) + assert_healthy(process)
        process.go_on_reading()
        poll(lambda: accounted(process.lines) == made)
        made += ask(process, "/health/live", 40)
    assert accounted(process.lines) == made
    told = dropped(process.lines)
    assert [line.keys() ^ ALWAYS for line in told] == [{"todo_api.dropped_lines"}] * len(told)
    assert {(line["level"], line["logger"]) for line in told} == {("error", "core.logging.writer")}
    assert told != []
    assert process.lines[-1]["message"].startswith("Finished server process")
    assert max(map(len, process.raw_lines)) <= MAX_WRITE_BYTES


def test_lines_of_several_workers_are_whole_however_long_a_path_is(database: TestDatabase) -> None:
    with ApiProcess(database.url, WEB_CONCURRENCY="2") as process:
        made = ask(process, "/" + "a" * 60_000, 400)
    lines = [line for line in process.lines if line["message"] == "request"]
    assert len(lines) == made
    assert {(line["url.path"], line["todo_api.truncated"]) for line in lines} == {("/" + "a" * 511 + "…", True)}


def test_a_worker_is_replaced_and_all_end_while_nobody_reads(database: TestDatabase) -> None:
    with ApiProcess(database.url, WEB_CONCURRENCY="2") as process:
        time.sleep(LIFE_SECONDS)  # who ends sooner ends all
        stall(process)
        first = set(psutil.Process(process.pid).children())
        next(iter(first)).kill()
        poll(lambda: set(psutil.Process(process.pid).children()) - first)
        assert_healthy(process)
        process.terminate()
        process.wait()
        assert process.exit_status == 0


def test_the_end_does_not_wait_for_a_reader_that_stalls(database: TestDatabase) -> None:
    with ApiProcess(database.url) as process:
        stall(process)
        process.terminate()
        process.wait()
        assert process.exit_status == 0


@contextmanager
def silent_errors() -> Iterator[int]:
    """A standard error that nothing is written to."""
    with tempfile.TemporaryFile() as file:
        yield file.fileno()
        file.seek(0)
        assert file.read() == b""


def test_a_pipe_that_was_closed_is_no_reason_to_stop_or_to_complain(database: TestDatabase) -> None:
    with silent_errors() as errors, ApiProcess(database.url, errors=errors) as process:
        process.close_output()
        ask(process, "/health/live", 40)
        assert_healthy(process)
        process.terminate()
        process.wait()
        assert process.exit_status == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_neither_is_a_full_disk(database: TestDatabase, workers: int) -> None:
    with silent_errors() as errors, open("/dev/full", "wb") as full:  # noqa: PTH123
        output, port = full.fileno(), str(free_port())
        with ApiProcess(database.url, output=output, errors=errors, PORT=port, WEB_CONCURRENCY=str(workers)) as process:
            ask(process, "/health/live", 40)
            assert_healthy(process)
            process.terminate()
            process.wait()
            assert process.exit_status == 0


def test_a_terminal_that_was_stopped_stops_nobody(database: TestDatabase) -> None:
    with ApiProcess(database.url, terminal=True) as process:
        os.write(process.output_descriptor, b"\x13")  # Ctrl-S
        ask(process, LONG, 40)
        assert_healthy(process)
        os.write(process.output_descriptor, b"\x11")  # Ctrl-Q
    requests = [line for line in process.raw_lines if b" GET /" in line]
    assert len(requests) == 60
    assert max(map(len, requests)) <= MAX_WRITE_BYTES + 1  # the terminal adds a carriage return


def test_a_socket_gets_the_lines_and_stays_as_its_other_users_know_it(database: TestDatabase) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with ApiProcess(database.url, output=theirs.fileno(), PORT=str(free_port())) as process:
            assert_healthy(process)
            assert os.get_blocking(theirs.fileno())
        theirs.close()
        received = b"".join(iter(lambda: ours.recv(65536), b""))
    assert received.count(b'"message":"request"') == 20
    assert b"Finished server process" in received.splitlines()[-1]


@pytest.mark.parametrize(("closed", "workers"), [(">&-", "1"), (">&- 2>&-", "2")])
def test_without_a_standard_output_it_serves_and_says_nothing(
    database: TestDatabase, closed: str, workers: str
) -> None:
    with tempfile.TemporaryFile() as errors:
        program = ("sh", "-c", f'exec "$0" main.py {closed}', sys.executable)
        with ApiProcess(
            database.url,
            program=program,
            errors=errors.fileno(),
            PORT=str(free_port()),
            WEB_CONCURRENCY=workers,
        ) as process:
            assert_healthy(process)
            process.terminate()
            process.wait()
        assert process.exit_status == 0
        errors.seek(0)
        assert errors.read() == b""


def test_without_a_standard_error_nothing_else_is_written_to_the_log(database: TestDatabase) -> None:
    program = ("sh", "-c", 'exec "$0" main.py 2>&-', sys.executable)
    with ApiProcess(database.url, program=program, APP_ENV="development") as process:
        assert_healthy(process)
        assert process.lines[0]["message"] == "started"
