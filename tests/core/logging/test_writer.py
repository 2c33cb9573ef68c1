"""What is logged is written once and whole: across forks, by the end of the process, on a disk that was full."""

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from tests.conftest import project_root

SETUP = "from core.logging import configure, flush; import structlog; configure('INFO', 'production')\n"


def run(program: str, output: int | IO[bytes] = subprocess.PIPE) -> bytes:
    """What a program wrote to its standard output, and nothing to its standard error."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project_root(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout or b""


def messages(written: bytes) -> list[str]:
    return [json.loads(line)["message"] for line in written.splitlines()]


def test_a_process_that_forks_has_no_other_thread_and_shares_no_line() -> None:
    program = (
        "import os, threading\n"
        # The hooks of a fork run from the last one registered to the first.
        "os.register_at_fork(before=lambda: threads.append(threading.active_count()))\n"
        f"{SETUP}"
        "log, threads = structlog.get_logger(), []\n"
        "for number in range(3):\n"
        "    log.info(f'parent {number}')\n"
        "    if os.fork() == 0:\n"
        "        log.info(f'child {number}')\n"
        "        flush()\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "log.info(str(threads))\n"
    )
    family = [f"{one} {number}" for number in range(3) for one in ("parent", "child")]
    assert messages(run(program)) == [*family, "[1, 1, 1]"]


def fill(pipe: int) -> None:
    """Until not one byte fits."""
    os.set_blocking(pipe, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(pipe, b"\n" * size)
        except BlockingIOError:
            pass
    os.set_blocking(pipe, True)


def test_neither_is_a_line_doubled_by_a_fork_while_nobody_reads() -> None:
    program = (
        f"import os, sys, threading\n{SETUP}"
        "log = structlog.get_logger()\n"
        "log.info('parent')\n"
        "who = 'child' if os.fork() == 0 else 'parent'\n"
        "log.info(who + ' after')\n"
        "os.write(2, b'.')\n"
        "sys.stdin.read()\n"
        "flush()\n"
        # The parent's flush was before the fork, in vain, and is not waited for again.
        "[one.join() for one in threading.enumerate() if one.name == 'log']\n"
        "os._exit(0) if who == 'child' else os.wait()\n"
    )
    reading, writing = os.pipe()
    fill(writing)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],  # Python 3.12 and later warn of a fork beside a thread
        cwd=project_root(),
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(writing)
        patience = threading.Timer(30, process.kill)
        patience.start()
        assert process.stdin is not None
        assert process.stderr is not None
        assert process.stderr.read(2) == b".."
        process.stdin.close()
        with os.fdopen(reading, "rb") as output:
            written = output.read().strip()
        patience.cancel()
    assert process.returncode == 0
    assert sorted(messages(written)) == ["child after", "parent", "parent after"]


def test_a_disk_that_was_full_for_a_while_has_every_line_and_each_whole(tmp_path: Path) -> None:
    program = (
        f"import resource, signal, time\n{SETUP}"
        "_, most = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))\n"
        "log = structlog.get_logger()\n"
        "for number in range(20): log.info(str(number))\n"
        "time.sleep(0.3)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\n"
    )
    with (tmp_path / "log").open("wb") as file:
        run(program, file)
    assert messages((tmp_path / "log").read_bytes()) == [str(number) for number in range(20)]


def test_no_write_to_a_pipe_is_longer_than_what_stays_in_one_piece() -> None:
    """A pipe in packet mode gives the reader what was written at once, and keeps it apart from the next."""
    reading, writing = os.pipe2(os.O_DIRECT)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1024 * 1024)
    run(f"{SETUP}\nfor number in range(100): structlog.get_logger().info('x' * 29 * number)\n", writing)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as output:
        packets = list(iter(lambda: output.read(65536), b""))
    assert all(packet.endswith(b"\n") and len(packet) <= 4096 for packet in packets)
    assert len(messages(b"".join(packets))) == 100


def test_without_a_thread_the_line_waits_for_the_next() -> None:
    program = (
        f"import threading\n{SETUP}"
        "threading.stack_size(2**47)\n"
        "structlog.get_logger().info('first')\n"
        "threading.stack_size(0)\n"
        "structlog.get_logger().info('second')\n"
    )
    assert messages(run(program)) == ["first", "second"]


def test_a_library_that_logs_wrongly_breaks_neither_its_caller_nor_the_log() -> None:
    program = (
        f"{SETUP}import logging; logging.raiseExceptions = False\n"
        "logging.getLogger('library').error('%d', 'no number')\n"
        "logging.getLogger('library').error('%d', 1)\n"
    )
    assert messages(run(program)) == ["1"]


def test_what_ends_a_program_is_not_held_up_by_a_pipe_that_nobody_reads() -> None:
    program: Any = f"{SETUP}structlog.get_logger().info('never read')\n"
    reading, writing = os.pipe()
    fill(writing)
    run(program, writing)
    os.close(reading)
    os.close(writing)
