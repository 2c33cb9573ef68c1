"""Several processes that serve one port: forked, so that they share what they do not change; replaced when one dies."""

import gc
import os
import signal
import socket
import time
from collections.abc import Callable

import structlog

from core.logging import flush

# A worker that ends sooner has not served: another would end as soon.
LIFE_SECONDS = 2
# Before the next one is started then, while others serve.
PAUSE_SECONDS = 1

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}

_log = structlog.get_logger("core.server.workers")


class Workers:
    """Runs `serve` in `count` processes, each with the same listeners.

    `serve` also gets the end of a pipe that can be read from once this process is gone, and its place among the
    workers, from 0 on: who replaces one that died gets its place.
    """

    def __init__(
        self, count: int, listeners: list[socket.socket], serve: Callable[[list[socket.socket], int, int], None]
    ) -> None:
        self._count = count
        self._listeners = listeners
        self._serve = serve
        self._alive, self._held = os.pipe()
        # When each was born, and in which place, by its process id.
        self._born: dict[int, tuple[float, int]] = {}
        self._ending = False
        self._status = 0
        # What is ignored (nohup) stays so.
        self._handlers = {one: at for one in _SIGNALS if (at := signal.getsignal(one)) != signal.SIG_IGN}

    def run(self) -> int:
        """Ends after SIGTERM, SIGHUP or SIGINT, which it passes on, when all workers have ended; gives the exit status.

        A worker that dies is replaced. One that dies as soon as it is born ends all, with status 1, unless another has
        served for longer.
        """
        gc.collect()
        gc.freeze()  # what the collector looks at it writes to, and what is written to is shared no more
        received = self._receive()
        for _ in range(self._count):
            self._fork()
        while self._born:
            for number in os.read(received, 512):
                if number == signal.SIGCHLD:
                    for pid, status in _ended():
                        self._bury(pid, os.waitstatus_to_exitcode(status))
                elif number in _SIGNALS:
                    self._end(number)
        return self._status

    def _receive(self) -> int:
        """The end of a pipe that has the number of each signal. Whoever only waits for a signal (sigwait) loses it to
        another thread that does not block it, as OpenTelemetry starts one; a handler runs in any thread."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing)
        for number in self._handlers:
            signal.signal(number, lambda *_: None)
        return reading

    def _bury(self, pid: int, status: int) -> None:
        if pid not in self._born:
            return  # the first process of a container gets the orphans of others
        born, _ = self._born.pop(pid)
        if self._ending:
            return
        _log.error("worker ended", **{"process.pid": pid, "process.exit.code": status})
        if time.monotonic() - born > LIFE_SECONDS:
            self._fork()
        elif any(time.monotonic() - other > LIFE_SECONDS for other, _ in self._born.values()):
            time.sleep(PAUSE_SECONDS)
            self._fork()
        else:
            _log.error("no worker lives", **{"error.reason": f"one ended within {LIFE_SECONDS} s, and none is older"})
            self._status = 1
            self._end(signal.SIGTERM)

    def _end(self, received: int) -> None:
        """Who is to end closes its listeners; so does this process, or the port would seem open."""
        self._ending = True
        _log.info("stopping", **{"todo_api.workers": len(self._born)})
        for listener in self._listeners:
            listener.close()
        for pid in self._born:
            os.kill(pid, received)

    def _fork(self) -> None:
        place = min({*range(self._count)} - {taken for _, taken in self._born.values()})
        signal.pthread_sigmask(signal.SIG_BLOCK, self._handlers)  # or a new worker's signal is told to this process
        pid = os.fork()
        if pid:
            self._born[pid] = time.monotonic(), place
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._handlers)
            return
        os.close(self._held)
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._handlers)
        os._exit(_status_of(lambda: self._serve(self._listeners, self._alive, place)))


def _status_of(serve: Callable[[], None]) -> int:
    """The exit status of a worker, which nobody else tells why it ended."""
    try:
        serve()
    except KeyboardInterrupt:
        return 0
    except BaseException as error:
        _log.critical("worker failed", exc_info=error)
        return 1
    else:
        return 0
    finally:
        flush()


def _ended() -> list[tuple[int, int]]:
    """The processes that have ended, with their status; one signal can stand for several."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))
