"""The figures of two workers under load: they never go back, and they are the access lines, also after a death."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise
from threading import Event

import httpx
import psutil
import pytest

from core.server.workers import LIFE_SECONDS
from tests.conftest import TestDatabase, UserClient
from tests.core.api_process import ApiProcess
from tests.core.metrics.scraped import Scraped, access_lines, scrape
from tests.ports import free_port
from tests.waiting import poll

CLIENTS = 3
# Between two readings, and two rounds of a client: each line of the log is read again and again.
PAUSE = 0.05


@pytest.fixture
def port() -> int:
    """Of the figures."""
    return free_port()


@pytest.fixture
def process(database: TestDatabase, port: int) -> Iterator[ApiProcess]:
    """Two workers that count."""
    with ApiProcess(database.url, WEB_CONCURRENCY="2", METRICS_PORT=str(port)) as running:
        poll(lambda: len(psutil.Process(running.pid).children()) == 2)
        yield running


def _client(url: str, stop: Event) -> None:
    """Requests of several kinds, each on a connection that any worker may take."""
    while not stop.is_set():
        with suppress(httpx.TransportError), UserClient(url) as user:
            task = user.post(user.tasks, json={"title": "Water the plants"})
            user.get(user.tasks)
            user.get(f"{user.tasks}/{task.json()['id']}")
            user.get(f"{user.tasks}/nonsense")
            user.get("/nowhere")
            user.post(user.tasks, json={"title": 7})
        time.sleep(PAUSE)


@contextmanager
def _loaded(process: ApiProcess, port: int) -> Iterator[list[Scraped]]:
    """While its block runs there is a load, and the figures are read all the time; gives the readings."""
    stop, readings = Event(), [scrape(port)]

    def read() -> None:
        while not stop.is_set():
            readings.append(scrape(port))
            time.sleep(PAUSE)

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        running: list[Future[None]] = [pool.submit(_client, process.url, stop) for _ in range(CLIENTS)]
        running.append(pool.submit(read))
        try:
            yield readings
        finally:
            stop.set()
        for one in running:
            one.result()
    readings.append(scrape(port))


def test_the_figures_are_the_access_lines_although_workers_die(process: ApiProcess, port: int) -> None:
    with _loaded(process, port) as readings:
        time.sleep(LIFE_SECONDS)  # they have served, and are replaced
    _equal(process, port)

    # At rest: all that it did is in the log.
    victim = _a_worker(process)
    victim.send_signal(signal.SIGKILL)
    _replaced(process, 1)
    assert readings[-1].fell(scrape(port)) == []
    with _loaded(process, port) as later:
        time.sleep(LIFE_SECONDS)
    _equal(process, port)

    # Under load: the last lines of the log die with it, but nothing that was counted.
    with _loaded(process, port) as last:
        _a_worker(process).send_signal(signal.SIGKILL)
        _replaced(process, 2)
    lines, counted = access_lines(process), scrape(port).requests()
    assert {kind for kind, count in lines.items() if count > counted[kind]} == set()

    every = [*readings, *later, *last]
    assert [first.fell(second) for first, second in pairwise(every) if first.fell(second)] == []
    assert (
        sum(last[-1].requests().values()) > sum(later[-1].requests().values()) > sum(readings[-1].requests().values())
    )


def test_a_worker_that_is_ended_in_an_orderly_way_leaves_all_its_lines(process: ApiProcess, port: int) -> None:
    with _loaded(process, port):
        time.sleep(LIFE_SECONDS)
        _a_worker(process).send_signal(signal.SIGTERM)
        _replaced(process, 1)
    _equal(process, port)


def _equal(process: ApiProcess, port: int) -> None:
    """A request is counted a little after its client has the response, and its line is written after that."""
    poll(lambda: access_lines(process) == scrape(port).requests())
    statuses = {status for _, _, status in access_lines(process)}
    assert statuses >= {200, 201, 400, 404}


def _a_worker(process: ApiProcess) -> psutil.Process:
    return psutil.Process(process.pid).children()[0]


def _replaced(process: ApiProcess, times: int) -> None:
    poll(lambda: len([line for line in process.lines if line["message"] == "worker ended"]) == times)
    poll(lambda: len(psutil.Process(process.pid).children()) == 2)
