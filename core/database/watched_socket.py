"""A socket that the event loop watches: for bytes to read always, for room to write where that is asked for."""

import asyncio
from collections.abc import Callable


class WatchedSocket:
    """Calls `ready` whenever there is something to do. It belongs to somebody else, who opens and closes it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Callable[[], None]) -> None:
        self._loop, self._ready = loop, ready
        self._descriptor = -1
        # Whether it is watched for room as well.
        self.writing = False
        # Whether it is watched, and for nothing else.
        self.only_read = False

    def watch(self, descriptor: int, *, writing: bool) -> None:
        """From here on it is this one; with `writing` for room as well."""
        if descriptor != self._descriptor:
            self.stop()
            self._loop.add_reader(descriptor, self._ready)
            self._descriptor = descriptor
        if writing != self.writing:
            if writing:
                self._loop.add_writer(descriptor, self._ready)
            else:
                self._loop.remove_writer(descriptor)
            self.writing = writing
        self.only_read = not writing

    def stop(self) -> None:
        """Before it is closed: the system may give its number to the next one."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            if self.writing:
                self._loop.remove_writer(self._descriptor)
            self._descriptor, self.writing, self.only_read = -1, False, False
