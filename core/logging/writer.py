"""Writes log lines without ever making their author wait: those of one turn of the event loop together, at its end."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable

from core.logging.unblocked import writing_at_once

# What is written to a pipe at once up to here (PIPE_BUF), no other process's bytes come into.
MAX_WRITE_BYTES = 4096
# What waits to be written, or is being written, in one process. What comes beyond is dropped.
BUFFER_BYTES = 1024 * 1024
# The thread writes lines together with those that follow within this time: one wake-up for all.
GATHER_SECONDS = 0.01
# A full disk, a closed pipe: tried again after this time.
RETRY_SECONDS = 0.1
# At the end of the process nobody waits longer for a reader that has stalled.
FLUSH_SECONDS = 1


class LogWriter:
    """Lines to a descriptor that may be anything and anybody's: it stays in blocking mode, as others may share it.

    A thread writes what is not taken at once, and what comes from outside of an event loop. It is started by the first
    such line and ends with a flush. A process that forks has none, therefore, unless nobody reads.
    """

    def __init__(self, descriptor: int, tell_dropped: Callable[[int], bytes]) -> None:
        """`tell_dropped` makes the line that says how many lines were dropped."""
        self._descriptor = descriptor
        self._write_at_once = writing_at_once(descriptor)
        self._tell_dropped = tell_dropped
        self._start_afresh()
        os.register_at_fork(before=self.flush, after_in_child=self._start_afresh)

    def _start_afresh(self) -> None:
        """Also in a forked process: what its parent has not written yet, its parent writes."""
        # A line can be made within `write`: by a finalizer, for one.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._lines: list[bytes] = []
        self._held_bytes = 0
        self._dropped = 0
        # In all, since this process began.
        self.dropped = 0
        self._thread: threading.Thread | None = None
        # Whether a turn of the loop is to come, or the thread will look for lines before it waits to be told of one.
        self._awake = False
        self._ending = False
        # The event loop that ran when there was last a look, and the thread that it runs in.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0

    def write(self, line: bytes) -> None:
        """Takes a line, with its end, of MAX_WRITE_BYTES at most. From the first that is dropped on all are, until
        the next writing, so that their number stands where they are missing."""
        with self._lock:
            held = self._held_bytes + len(line)
            if self._dropped or held > BUFFER_BYTES:
                self._dropped += 1
                self.dropped += 1
            else:
                self._lines.append(line)
                self._held_bytes = held
            if not self._awake:
                self._wake()

    def flush(self) -> None:
        """Waits until all is written, for FLUSH_SECONDS at most; once in vain is enough."""
        with self._lock:
            if self._lines or self._dropped:  # a loop that was to write them may have ended
                self._wake_thread()
            thread = self._thread
            if thread is None or self._ending:
                return
            self._ending = True
            self._changed.notify()
        thread.join(FLUSH_SECONDS)

    def _wake(self) -> None:
        self._awake = True
        loop = self._running_loop() if self._write_at_once is not None else None
        if loop is None:
            self._wake_thread()
        else:
            loop.call_soon(self._write_turn)

    def _running_loop(self) -> asyncio.AbstractEventLoop | None:
        """The one of this thread, if one runs. Kept, as Python's own look for it is a call of the system."""
        here = threading.get_ident()
        if self._loop is None or self._loop_thread != here or not self._loop.is_running():
            try:
                self._loop, self._loop_thread = asyncio.get_running_loop(), here
            except RuntimeError:
                return None
        return self._loop

    def _write_turn(self) -> None:
        """All lines of one turn of the event loop, as far as they are taken at once; the thread gets the rest."""
        assert self._write_at_once is not None
        lines, size = self._take()
        pieces = _pieces(lines)
        rest: list[bytes] = []
        for number, piece in enumerate(pieces):
            written = self._write_at_once(piece)
            if written < len(piece):
                rest = [piece[written:], *pieces[number + 1 :]]
                break
        with self._lock:
            self._lines[:0] = rest
            self._held_bytes += sum(map(len, rest)) - size
            self._awake = False
            if rest:
                self._wake_thread()
            elif self._lines or self._dropped:  # of another thread, meanwhile
                self._wake()

    def _wake_thread(self) -> None:
        self._awake = True
        if self._thread is not None:
            self._changed.notify()
            return
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the system has no thread for us now: the next line tries again
            self._thread, self._awake = None, False

    def _run(self) -> None:
        # Signals are for the thread that waits for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while self._wait():
            time.sleep(GATHER_SECONDS)
            lines, size = self._take()
            for piece in _pieces(lines):
                self._write_whole(piece)
            with self._lock:
                self._held_bytes -= size

    def _wait(self) -> bool:
        """Until there is something to write. False: the thread is to end, and all is written."""
        with self._lock:
            while not self._lines and not self._dropped:
                self._awake = False
                if self._ending:
                    self._thread, self._ending = None, False
                    return False
                self._changed.wait()
            return True

    def _take(self) -> tuple[list[bytes], int]:
        """All lines that wait, and how many of the held bytes they are."""
        with self._lock:
            lines, self._lines = self._lines, []
            size = sum(map(len, lines))
            dropped, self._dropped = self._dropped, 0
            if dropped:
                lines.append(self._tell_dropped(dropped))
            return lines, size

    def _write_whole(self, piece: bytes) -> None:
        """However long it takes: a line that has begun is finished before another one begins."""
        while piece:
            try:
                piece = piece[os.write(self._descriptor, piece) :]
            except OSError:
                time.sleep(RETRY_SECONDS)


def _pieces(lines: list[bytes]) -> list[bytes]:
    """Whole lines, as many at a time as may be written at once."""
    piece = b"".join(lines)
    if len(piece) <= MAX_WRITE_BYTES:
        return [piece]
    pieces, piece = [], b""
    for line in lines:
        if len(piece) + len(line) > MAX_WRITE_BYTES:
            pieces.append(piece)
            piece = b""
        piece += line
    return [*pieces, piece]
