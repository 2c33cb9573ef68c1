"""What has changed since a client last asked: rows made or changed, and deletions, in the order of their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

import orjson
from pydantic import Field as Described
from sqlalchemy import Boolean, CheckConstraint, bindparam, false, func, literal, select, true, tuple_, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col

from core import base64url
from core.database.limits import unseen
from core.database.ownership import OWNER
from core.problems import Problem, ProblemError
from core.resources.changes import owner_of
from core.resources.pagination import DEFAULT_LIMIT, Limit, Page
from core.resources.schemas import InputModel
from core.resources.tombstones import Tombstone

T = TypeVar("T")

# Behind every row that has the number.
_LAST = UUID(int=2**128 - 1)
# Of a page, the first one alone of the first page.
_VALUES = ("p_limit", "p_after", "p_after_id", "p_start")


class SyncHistory(SQLModel, table=True):
    """The one row that names the history that change numbers count in: a restored database begins another one.

    Who restores a backup or branches a database renews it (docs/operations.md), so that no cursor of before goes on.
    """

    __tablename__ = "sync_history"
    __table_args__: ClassVar[Any] = (CheckConstraint("singleton", name="one_row"),)

    singleton: bool = Field(sa_type=Boolean, primary_key=True, sa_column_kwargs={"server_default": true()})
    id: UUID = Field(sa_column_kwargs={"server_default": func.gen_random_uuid()})


class ChangesQuery(InputModel):
    """How much of the changes, and since when."""

    limit: Limit = Described(default=DEFAULT_LIMIT, description="How many at most, deletions among them.")
    cursor: Annotated[str, Described(min_length=1, max_length=2048)] | None = Described(
        default=None, description="The `next_cursor` that was given last. Without one it begins with all there is."
    )


class Changes(Page[T]):
    """What has changed: `items`, which are rows, the ids that were `deleted`, `next_cursor` and `has_more`."""

    linked = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a client stands: it has seen all up to a change and a row of it.

    Up to `start` it has seen no deletions, as there was nothing to delete: there it began.
    """

    history: str
    owner: str
    change: int
    id: UUID
    start: int

    def encode(self) -> str:
        """The cursor."""
        return base64url.encoded(orjson.dumps([self.history, self.owner, self.change, self.id, self.start]))


def position_of(cursor: str) -> Position:
    """The position in `cursor`. Raises ProblemError 410 for what no release has made."""
    try:
        history, owner, change, row_id, start = orjson.loads(base64url.decoded(cursor))
        if not all(isinstance(one, str) for one in (history, owner, row_id)):
            raise ValueError
        if not all(type(one) is int and 0 <= one < 2**63 for one in (change, start)):
            raise ValueError
        return Position(history, owner, change, UUID(row_id), start)
    except (ValueError, TypeError):
        raise _expired() from None


def _expired() -> ProblemError:
    """The 410 of a cursor that cannot go on."""
    detail = (
        "The changes since this cursor are not known any more. Start again without a cursor, and keep only what comes."
    )
    return ProblemError(Problem.CURSOR_EXPIRED, detail)


def statement_of(table: Any, *, after: bool) -> tuple[Any, tuple[str, ...]]:
    """One page, by two indexes; there is a row for a known owner also where there is no change.

    Its values: the owner's number, up to which number deletions are forgotten, the history; of the change its number,
    the row's id, whether it is a deletion; and the row, whose columns are NULL where it is one.
    """
    entries = (_after(table) if after else _first(table)).subquery("entries")
    columns, owner = table.__table__.columns, owner_of(table)
    mine = select(table).where(columns.user_id == OWNER, columns.id == entries.c.id, ~entries.c.gone)
    # LIMIT, so that each row is found by its key: for an owner who is thought to have few, a join would read all.
    found = aliased(table, mine.limit(1).lateral("found"))
    counters, history = owner.table, select(col(SyncHistory.id)).scalar_subquery()
    page = select(counters.c.change, counters.c.forgotten, history, *entries.c, found)
    page = page.select_from(counters.outerjoin(entries, true()).outerjoin(found, true())).where(owner == OWNER)
    return page.order_by(entries.c.change, entries.c.id), _VALUES if after else _VALUES[:1]


def _first(table: Any) -> Any:
    """Rows alone: to a client that has nothing, nothing was deleted."""
    columns = table.__table__.columns
    rows = select(columns.change, columns.id, false().label("gone")).where(columns.user_id == OWNER)
    return _in_order(rows, columns)


def _after(table: Any) -> Any:
    """Rows and deletions behind a place."""
    columns, place = table.__table__.columns, tuple_(bindparam("p_after"), bindparam("p_after_id"))
    rows = select(columns.change, columns.id, false().label("gone"))
    rows = rows.where(columns.user_id == OWNER, tuple_(columns.change, columns.id) > place)
    deletions: Any = SQLModel.metadata.tables[str(Tombstone.__tablename__)].columns
    gone = select(deletions.change, deletions.id, true().label("gone")).where(deletions.user_id == OWNER)
    gone = gone.where(deletions.collection == literal(table.__tablename__), deletions.change > bindparam("p_start"))
    gone = gone.where(tuple_(deletions.change, deletions.id) > place)
    both = union_all(
        *[_in_order(*part).subquery().select() for part in ((rows, columns), (gone, deletions))]
    ).subquery()
    return _in_order(both.select(), both.c)


def _in_order(part: Any, columns: Any) -> Any:
    return part.order_by(columns.change, columns.id).limit(unseen(bindparam("p_limit")))


def changes_of(rows: Sequence[Any], limit: int, owner: str, since: Position | None) -> Changes[Any]:
    """The page of `rows`, of which there is one at least. Raises ProblemError 410 where `since` cannot go on."""
    number, forgotten, history, *_ = rows[0]
    start = number if since is None else since.start
    if since is not None:
        too_old = max(since.change, start) < forgotten
        if since.history != str(history) or since.owner != owner or since.change > number or too_old:
            raise _expired()
    found = [row[3:] for row in rows if row[3] is not None]
    more = len(found) > limit
    found = found[:limit]
    change, row_id = found[-1][:2] if more else (number, _LAST)
    return Changes(
        items=[row for _, _, gone, row in found if not gone],
        deleted=[row_id for _, row_id, gone, _ in found if gone],
        next_cursor=Position(str(history), owner, change, row_id, start if more else 0).encode(),
        has_more=more,
    )
