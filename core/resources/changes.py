"""The number of each change of an owner's rows, in the order of the commits: what incremental sync stands on."""

from typing import Any

from sqlalchemy import CTE, BigInteger, Interval, ScalarSelect, Text, func, literal_column, select, update
from sqlmodel import Field, SQLModel

from core.database.ownership import OWNER, OWNER_COLUMN
from core.resources.models import Timestamps, owner_keys

# Written out, as they are the same in every statement.
_ONE, _LEAST = literal_column("1", BigInteger), literal_column("interval '0.000001'", Interval)
_UTC = literal_column("'UTC'", Text)


class ChangeTracked(Timestamps):
    """Mixin of an owned table whose changes have the numbers of `next_change`; `updated_at` is in the same order.

    Whoever has seen a row with some `updated_at`, and asks for all from that time on, misses nothing: what commits
    later has a later time. Deletions are told by the feed alone (core.resources.feed).
    """

    change: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


def next_change(table: type[SQLModel]) -> CTE:
    """One more change of the current owner's rows, with its `number` and its time, `at`; no row where the owner has
    none yet. `table` is an owned table: by its foreign key the owners' table is found.

    It locks the owner's row until the transaction ends. So the number and the time that a transaction takes are greater
    than those of all that committed before it, on one server, behind a pooler, on a replica and where owners are spread
    over servers; now() is when a transaction began, which says nothing about when it commits. The clock of PostgreSQL
    may stand still or be set back; the time goes on.
    """
    owner = owner_of(table)
    counters = owner.table.c
    # An engine that spreads owners over servers takes no volatile function here, and on a column immutable ones alone:
    # timestamptz + interval depends on the session's zone, timestamp + interval on nothing.
    later = func.timezone(_UTC, func.timezone(_UTC, counters.changed_at) + _LEAST)
    at = func.greatest(func.statement_timestamp(), later)
    counted = update(owner.table).where(owner == OWNER).values(change=counters.change + _ONE, changed_at=at)
    return counted.returning(counters.change.label("number"), counters.changed_at.label("at")).cte("counted")


def rows_changed(table: str, values: str, where: str) -> str:
    """SQL for a migration that changes rows of a table with ChangeTracked: counted as every change is, or clients that
    sync would not be told, and a copy from before it would pass `If-Match`.

    Nobody else writes to the table until the migration ends: the lock comes first, as whoever writes has one of it when
    they wait for their owner's row.
    """
    return f"""\
LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE;
WITH counted AS (
    UPDATE users SET change = users.change + 1,
        changed_at = greatest(statement_timestamp(), users.changed_at + interval '0.000001')
    WHERE users.id IN (SELECT {table}.user_id FROM {table} WHERE {where})
    RETURNING users.id AS counted_owner, users.change AS counted_number, users.changed_at AS counted_at)
UPDATE {table} SET {values}, version = {table}.version + 1, change = counted_number, updated_at = counted_at
FROM counted WHERE {table}.user_id = counted_owner AND ({where})"""  # noqa: S608 (what a migration says)


def number_of(table: type[SQLModel]) -> ScalarSelect[int]:
    """How many changes of the current owner's rows a statement has seen: in it, all of them are in what it reads."""
    owner = owner_of(table)
    return select(owner.table.c.change).where(owner == OWNER).scalar_subquery()


def owner_of(table: type[SQLModel]) -> Any:
    """The column of the owners' table that an owned table refers to."""
    columns: Any = vars(table)["__table__"].columns
    (mine,) = (column for column in columns if OWNER_COLUMN in column.info)
    (key,) = owner_keys(mine)
    return key.column
