"""On which of several servers an owner's rows are: by the hash that Citus takes of a text, and the range it is in."""

import struct
from bisect import bisect_right
from collections.abc import Iterable

from core.database.queries import Query
from core.database.table_schema import SPREAD, of_catalogue

_MASK = 0xFFFFFFFF
# The lowest hash of each part of a table that is spread, and the server that has it: the same for all of them.
_PLACES = """\
SELECT s.shardminvalue::integer, n.nodename || ':' || n.nodeport
FROM pg_catalog.pg_dist_shard s JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
WHERE s.logicalrelid = (
    SELECT d.logicalrelid FROM {spread} d JOIN pg_catalog.pg_class c ON c.oid = d.logicalrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = '{schema}' AND d.partkey IS NOT NULL ORDER BY d.logicalrelid LIMIT 1)"""


def places_of(schema: str) -> Query[tuple[int, str]]:
    """Gives the rows of which Places are made."""
    return of_catalogue(_PLACES.format(spread=SPREAD, schema=schema), tuple)


class Places:
    """The servers by the hashes of the owners whose rows they have: when it was made, as rows may be moved."""

    def __init__(self, rows: Iterable[tuple[int, str]]) -> None:
        """Of the lowest hash of each range, and its server. Empty where nothing is spread."""
        ranges = sorted(rows)
        self._lowest = [lowest for lowest, _ in ranges]
        self._servers = [server for _, server in ranges]

    def of(self, owner: str) -> str | None:
        """The server; None where nothing is spread."""
        return self._servers[bisect_right(self._lowest, hashed(owner)) - 1] if self._servers else None


def hashed(text: str) -> int:
    """PostgreSQL's hashtext() in a database in UTF-8: lookup3 of the bytes (src/common/hashfn.c)."""
    data = text.encode()
    a = b = c = (0x9E3779B9 + len(data) + 3923095) & _MASK
    whole = len(data) // 12 * 12
    for x, y, z in struct.iter_unpack("<III", data[:whole]):
        a, b, c = _mixed(a + x & _MASK, b + y & _MASK, c + z & _MASK)
    x, y, z = struct.unpack("<III", data[whole:].ljust(12, b"\0"))
    # The lowest byte of the last word is the length's.
    found = _final(a + x & _MASK, b + y & _MASK, c + (z << 8) & _MASK)
    return found - (1 << 32) if found >> 31 else found


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _MASK


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a, c = a - c & _MASK ^ _turned(c, bits), c + b & _MASK
        a, b, c = b, c, a  # each is in turn what changes
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - _turned(b, bits) & _MASK
        a, b, c = b, c, a
    return b
