"""A write to a descriptor that takes what fits now: it waits for nobody, and leaves the mode that others share."""

import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial

# Gives how many bytes were taken.
WriteAtOnce = Callable[[bytes], int]


def writing_at_once(descriptor: int) -> WriteAtOnce | None:
    """How to write there without waiting; None where there is no way, as where a pipe may not be opened anew."""
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return partial(_taken, partial(os.write, descriptor))
    if stat.S_ISSOCK(kind):
        end = socket.socket(fileno=os.dup(descriptor))
        return partial(_taken, lambda piece: end.send(piece, socket.MSG_DONTWAIT))
    # A mode belongs to what was opened, which other processes have too. Opened anew, a pipe or terminal is ours alone.
    with suppress(OSError):
        again = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        return partial(_taken, partial(os.write, again))
    return None


def _taken(write: WriteAtOnce, piece: bytes) -> int:
    try:
        return write(piece)
    except OSError:  # it would have to wait, or the disk is full
        return 0
