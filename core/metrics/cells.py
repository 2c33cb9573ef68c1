"""Named numbers in memory that all workers share: each writes its own without a lock, and anybody reads all."""

import mmap
from collections.abc import Iterator

# What one worker can have of: some forty routes times the statuses that they have, and a hundred others.
CELLS = 1024
# A name that is longer is cut.
NAME_BYTES = 256
# The numbers of a cell, as doubles. A processor writes each at once: a reader sees the old one or the new one.
NUMBERS = 16

_DOUBLE = 8
_STRIDE = NAME_BYTES + NUMBERS * _DOUBLE
# In front of its cells a worker has one double: how many are in use.
_REGION = -(-(_DOUBLE + CELLS * _STRIDE) // mmap.PAGESIZE) * mmap.PAGESIZE
_SEPARATOR = "\x1f"


class Cells:
    """Made before workers are forked. `take` says whose numbers a process writes; what a worker wrote outlives it, so
    that the one that takes its place counts on from there.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * _REGION)
        self._workers = workers
        self.numbers: memoryview[float] = memoryview(self._memory).cast("d")
        self.take(0)

    def take(self, place: int) -> None:
        """From here on this process writes the numbers of that place, and nobody else does."""
        self._begin = place * _REGION
        self._known = dict(self._cells(place))

    def at(self, *name: str) -> int:
        """Where the first of the numbers of a cell is in `numbers`; the cell is made when it is asked for first.

        All that find no room any more share the last cell, which has no name.
        """
        found = self._known.get(name)
        return self._make(name) if found is None else found

    def read(self) -> Iterator[tuple[tuple[str, ...], list[float]]]:
        """The cells of all workers, with their names; one that several have comes several times."""
        for place in range(self._workers):
            for name, at in self._cells(place):
                yield name, list(self.numbers[at : at + NUMBERS])

    def _make(self, name: tuple[str, ...]) -> int:
        used = len(self._known)
        begin = self._begin + _DOUBLE + min(used, CELLS - 1) * _STRIDE
        at = (begin + NAME_BYTES) // _DOUBLE
        if used < CELLS - 1:
            written = _SEPARATOR.join(name).encode()[:NAME_BYTES]
            self._memory[begin : begin + len(written)] = written
            # Last, as nobody looks at it before.
            self.numbers[self._begin // _DOUBLE] = used + 1
            self._known[name] = at
        return at

    def _cells(self, place: int) -> Iterator[tuple[tuple[str, ...], int]]:
        region = place * _REGION
        for number in range(int(self.numbers[region // _DOUBLE])):
            begin = region + _DOUBLE + number * _STRIDE
            name = self._memory[begin : begin + NAME_BYTES].rstrip(b"\0").decode(errors="replace")
            yield tuple(name.split(_SEPARATOR)), (begin + NAME_BYTES) // _DOUBLE
