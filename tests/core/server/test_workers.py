"""WEB_CONCURRENCY: several processes serve one port, are replaced when they die, and end together."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from core.config import NAME
from core.server.workers import LIFE_SECONDS
from tests.conftest import TestDatabase, UserClient, project_root
from tests.core.api_process import ApiProcess
from tests.waiting import poll

WORKERS = 3


CONNECTIONS = 2


@pytest.fixture
def process(own: TestDatabase) -> Iterator[ApiProcess]:
    """The program with three workers."""
    with ApiProcess(own.url, WEB_CONCURRENCY=str(WORKERS), DATABASE_POOL_SIZE=str(CONNECTIONS)) as running:
        yield running


def workers(process: ApiProcess) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def started(process: ApiProcess) -> set[int]:
    """The processes that said that they serve."""
    lines = [line["message"] for line in process.lines]
    found = [message for message in lines if message.startswith("Started server process")]
    return {int(message.split("[")[1].rstrip("]")) for message in found}


def test_they_serve_one_port_with_so_many_connections_each(process: ApiProcess, own: TestDatabase) -> None:
    poll(lambda: len(started(process)) == WORKERS)
    assert {one.pid for one in workers(process)} == started(process)

    def use(number: int) -> int:
        with UserClient(process.url) as user:  # a connection of its own, that any of them may take
            user.create_task()
            return user.get(user.tasks).status_code

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(use, range(60))) == {200}
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}' AND datname = current_database()"
    ((connections,),) = own.query(sql)
    assert 1 <= connections <= WORKERS * CONNECTIONS


def test_one_that_dies_is_replaced_and_nobody_else_notices(process: ApiProcess) -> None:
    poll(lambda: len(started(process)) == WORKERS)
    time.sleep(LIFE_SECONDS)  # it has served
    victim = workers(process)[0]
    victim.send_signal(signal.SIGKILL)
    line = process.find(lambda line: line["message"] == "worker ended")
    assert (line["level"], line["process.pid"], line["process.exit.code"]) == ("error", victim.pid, -signal.SIGKILL)
    poll(lambda: len(started(process)) == WORKERS + 1)
    assert len(workers(process)) == WORKERS
    for _ in range(20):
        assert httpx.get(f"{process.url}/health/live").status_code == 200


def test_sigterm_ends_them_all_and_closes_the_port(process: ApiProcess) -> None:
    poll(lambda: len(started(process)) == WORKERS)
    ended = workers(process)
    process.terminate()
    assert process.wait() < 15
    assert process.exit_status == 0
    assert not any(one.is_running() for one in ended)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{process.url}/health/live")


def test_a_hang_up_ends_them_as_sigterm_does(process: ApiProcess) -> None:
    poll(lambda: len(started(process)) == WORKERS)
    process.send(signal.SIGHUP)
    assert process.wait() < 15
    assert process.exit_status == 0
    assert len([line for line in process.lines if line["message"].startswith("Finished server")]) == WORKERS


def test_workers_do_not_outlive_the_process_that_started_them(process: ApiProcess) -> None:
    poll(lambda: len(started(process)) == WORKERS)
    left = workers(process)
    os.kill(process.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(left, timeout=15)
    assert alive == []


# As the first process of a container is: whoever loses its parent becomes a child of it (PR_SET_CHILD_SUBREAPER).
FIRST_PROCESS = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)
subprocess.run(["sh", "-c", "sleep 300 > /dev/null & echo $! > " + sys.argv[1]], check=True)
os.execv(sys.executable, [sys.executable, "main.py"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to another process than the first")
def test_the_end_of_a_process_that_is_no_worker_is_nothing_to_it(own: TestDatabase, tmp_path: Path) -> None:
    number = tmp_path / "orphan"
    program = [sys.executable, "-c", FIRST_PROCESS, str(number)]
    with ApiProcess(own.url, program=program, WEB_CONCURRENCY="2") as running:
        poll(lambda: len(started(running)) == 2)
        orphan = psutil.Process(int(number.read_text()))
        assert orphan.ppid() == running.pid
        orphan.kill()
        poll(lambda: not orphan.is_running())
        before = set(workers(running))
        running.terminate()
        assert running.wait() < 15
        assert running.exit_status == 0
    assert len(before) == 2
    assert [line for line in running.lines if line["message"] == "worker ended"] == []


# As opentelemetry-instrument does, something has started a thread, which blocks no signal. One signal is for others.
WITH_A_THREAD = """
import os, signal, sys, threading, time
from core.server.workers import Workers

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
signal.signal(signal.SIGUSR1, lambda *_: None)

def end():
    while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # before, it would end at once
        time.sleep(0.01)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        time.sleep(0.1)
        os.kill(os.getpid(), number)

threading.Thread(target=end, daemon=True).start()
sys.exit(Workers(20, [], lambda *_: signal.pause()).run())
"""


def test_no_end_of_a_worker_is_lost_to_another_thread() -> None:
    """All end at once, so that a signal comes while the one before is handled."""
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", WITH_A_THREAD], cwd=project_root(), timeout=20, check=False)
        assert done.returncode == 0


def test_one_that_cannot_serve_at_all_ends_the_start(process: ApiProcess) -> None:
    """A replacement would end as soon: there would be no end of them."""
    victim = workers(process)[0]
    assert time.time() - victim.create_time() < LIFE_SECONDS
    victim.send_signal(signal.SIGKILL)
    assert process.wait() < 15
    assert process.exit_status == 1


def test_one_that_dies_young_is_replaced_while_others_serve(process: ApiProcess) -> None:
    """As who kills for want of memory may hit the newest again."""
    poll(lambda: len(started(process)) == WORKERS)
    time.sleep(LIFE_SECONDS)
    before = set(workers(process))
    min(before, key=lambda one: one.pid).kill()
    poll(lambda: len(set(workers(process)) - before) == 1)
    (young,) = set(workers(process)) - before
    young.kill()
    poll(lambda: len(started(process)) >= WORKERS + 1 and len(workers(process)) == WORKERS and not young.is_running())
    assert httpx.get(f"{process.url}/health/live").status_code == 200


# Each worker ends by what nobody catches.
ENDING = """
import sys
from core import logging
from core.server.workers import Workers

def serve(*_):
    raise {error}

logging.configure("INFO", "production")
sys.exit(Workers(1, [], serve).run())
"""


def ended_by(error: str) -> dict[str, dict[str, Any]]:
    """The lines of the log, by their messages."""
    program = [sys.executable, "-c", ENDING.format(error=error)]
    done = subprocess.run(program, cwd=project_root(), timeout=20, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["message"]: line for line in lines}


def test_why_a_worker_failed_is_told() -> None:
    told = ended_by('MemoryError("planted")')
    assert told["worker failed"]["exception.type"] == "builtins.MemoryError"
    assert "planted" in told["worker failed"]["exception.stacktrace"]
    assert told["worker ended"]["process.exit.code"] == 1
    assert "no worker lives" in told


def test_a_ctrl_c_before_a_worker_serves_is_no_failure() -> None:
    """The terminal sends it to all processes."""
    told = ended_by("KeyboardInterrupt")
    assert told["worker ended"]["process.exit.code"] == 0
    assert "worker failed" not in told
