"""A socket that the event loop watches: for bytes to read always, for room to write where that is asked for."""

import asyncio
from collections.abc import Callable


class WatchedSocket:
    """Calls `ready` whenever there is something to do. The socket is somebody else's, who opens and closes it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Callable[[], None]) -> None:
        self._loop, self._ready = loop, ready
        # -1 while none is watched.
        self.descriptor = -1
        # Whether it is watched for room as well.
        self.writing = False

    def watch(self, descriptor: int, *, writing: bool) -> None:
        """From here on it is this one, and anew: uvloop watches none any more that has an error, though there may be
        more to read (findings/uvloop-forgets-a-reader-after-an-error.sh)."""
        self.stop()
        self._loop.add_reader(descriptor, self._ready)
        if writing:
            self._loop.add_writer(descriptor, self._ready)
        self.descriptor, self.writing = descriptor, writing

    def only_reads(self, descriptor: int) -> bool:
        """Whether this is the one that is watched, and for nothing else."""
        return descriptor == self.descriptor and not self.writing

    def stop(self) -> None:
        """Before it is closed: the system may give its number to the next one."""
        if self.descriptor >= 0:
            self._loop.remove_reader(self.descriptor)
            if self.writing:
                self._loop.remove_writer(self.descriptor)
            self.descriptor, self.writing = -1, False
