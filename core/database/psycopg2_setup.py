"""psycopg2 told once to do in C, or in fewer steps, what it does for each statement and each row."""

import codecs
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, SafeUUID

from psycopg2.extensions import AsIs, encodings, new_array_type, new_type, register_adapter, register_type

from core.database.literals import uuid_literal

# pg_type.dat.
TIMESTAMPTZ_OID = 1184
UUID_OID, _UUIDS_OID = 2950, 2951
_CODEC = "todo_api_utf8"

_new, _set, _UNKNOWN = object.__new__, object.__setattr__, SafeUUID.unknown
_from_iso = datetime.fromisoformat
# As psycopg2 gives them.
_BEYOND = {"infinity": datetime.max.replace(tzinfo=UTC), "-infinity": datetime.min.replace(tzinfo=UTC)}


def prepare() -> None:
    """For all connections of the process: uuid as Python's UUID, times, and names of columns read by C alone."""
    register_adapter(UUID, lambda value: AsIs(uuid_literal(value)))
    register_type(new_type((TIMESTAMPTZ_OID,), "TIMESTAMPTZ", time_of))
    single = new_type((UUID_OID,), "UUID", uuid_of)
    register_type(single)
    register_type(new_array_type((_UUIDS_OID,), "UUID[]", single))
    # Python's own codec of UTF-8 is a function in Python around these, and is called for each column of each response.
    codecs.register(lambda name: _UTF8 if name == _CODEC else None)
    encodings["UTF8"] = _CODEC


_UTF8 = codecs.CodecInfo(codecs.utf_8_encode, codecs.utf_8_decode, name=_CODEC)


def uuid_of(text: Any, _: Any = None) -> UUID | None:
    """UUID's constructor would look at each of the forms that it takes; PostgreSQL sends one."""
    if text is None:
        return None
    made = _new(UUID)
    _set(made, "int", int(text.replace("-", ""), 16))
    _set(made, "is_safe", _UNKNOWN)
    return made


def time_of(text: Any, _: Any = None) -> datetime | None:
    """In a third of psycopg2's time. Raises ValueError for a year that datetime does not have."""
    if text is None:
        return None
    return _BEYOND[text] if text in _BEYOND else _from_iso(text)
