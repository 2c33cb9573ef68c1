"""The repository that most slices need: rows of one table, found, made, changed, removed and listed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from core.database.errors import DatabaseUnavailableError
from core.problems import Problem, ProblemError
from core.resources.feed import Changes, ChangesQuery, changes_of, position_of
from core.resources.models import Versioned
from core.resources.pagination import ListQuery, Page, continued, page_of
from core.resources.preconditions import ExistsError, UnchangedError, malformed
from core.resources.repository import OwnedRepository
from core.resources.rows import Rows
from core.resources.tombstones import forget, is_deleted, sweeps

V = TypeVar("V", bound=Versioned)


class CrudRepository(OwnedRepository, Generic[V]):
    """The current user's rows of one table: a subclass sets `rows`. A row that is somebody else's, or none, is None.

    Fields of the schemas are columns of the table by their names. Writes heed If-Match: they raise ProblemError 412
    where the row has another version. All raise the 401 of a deleted account.
    """

    rows: Rows[V]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.puts = "rows" in vars(cls) and cls.rows.number is not None

    async def get(self, row_id: UUID) -> V | None:
        """The row."""
        return await self._one(self.rows.find(row_id))

    async def find_again(self, row_id: UUID | None) -> V | None:
        """The row as it is now."""
        return None if row_id is None else await self.get(row_id)

    async def create(self, new: BaseModel) -> V:
        """Stores a new row. Its id sorts by the time of its making.

        Raises UniqueViolationError, and ProblemError 400 for an If-Match, which nothing new can match.
        """
        if self._expected is not None:
            raise malformed("if-match", "Must not come with what makes something new")
        return await self._insert(self.rows.create(new.__dict__))

    async def replace(self, row_id: UUID, new: BaseModel) -> V | None:
        """Writes all that a client may write.

        With `If-None-Match: *` it makes the row under the client's id. Raises ProblemError 412 where there is one, and
        400 where one was deleted and the request has no key to be recognised by: it could be a late repeat.
        """
        values = dict(new.__dict__)
        created_at = values.pop("created_at", None)
        if self._conditions.absent:
            return await self._put(row_id, values, created_at)
        return await self._change(row_id, values)

    async def change(self, row_id: UUID, changes: BaseModel) -> V | None:
        """Writes what is present in `changes`, if anything is; `null` is present, and what is absent stays."""
        present = changes.model_fields_set
        if not present:
            return self._matched(await self.get(row_id))
        return await self._change(row_id, {name: value for name, value in changes.__dict__.items() if name in present})

    async def delete(self, row_id: UUID) -> UUID | None:
        """Removes the row, and gives its id."""
        removed = await self._write(self.rows.remove(row_id, self._expected), self.rows.find(row_id))
        if self.rows.number and removed is not None:
            await self._sweep(removed)
        return None if removed is None else row_id

    async def changes(self, query: ChangesQuery) -> Changes[V]:
        """What was made, changed and deleted since a cursor. Raises ProblemError 410 for one that cannot go on."""
        since = position_of(query.cursor) if query.cursor is not None else None
        while True:
            rows = await self._all(self.rows.changes(since, query.limit))
            if rows:
                return changes_of(rows, query.limit, self._principal.tag, since)
            await self._make_owner()  # so that there is a number to begin with

    async def list(self, query: ListQuery) -> Page[V]:
        """A page of the rows that pass the filters. Raises ProblemError 400 for a cursor of another list."""
        if query.cursor is not None:
            query = continued(query, query.cursor, self.rows.sorts)
        page_query = self._own(self.rows.page(query))  # a wrong cursor is wrong also for who has the list
        change = await self._look_for_changes() if self._conditions.known else None
        rows: list[Any] = await self._database.fetch_all(page_query)
        if not rows and change is None:
            change = await self._of_empty_page()
            # A page must not have seen less than the number that it gets, and an empty one says none.
            rows = [] if change is None else await self._database.fetch_all(page_query)
        page: Page[Any] = page_of(
            rows, query.limit, query.sort, self.rows.columns[query.sort.removeprefix("-")], change
        )
        if query.include_total:
            page["total"] = (await self._all(self.rows.count(query)))[0]
        return page

    async def _sweep(self, change: int) -> None:
        """Forgets some old deletions, at some of the numbers that deletions have."""
        if not sweeps(change):
            return
        try:
            await self._database.execute(self._own(forget(self._accounts.deletions_kept)))
        except DatabaseUnavailableError:
            # The row is gone, and the next sweep will do; but a transaction has failed with its statement.
            if not self._database.autocommit:
                raise

    async def _put(self, row_id: UUID, values: Mapping[str, Any], created_at: datetime | None) -> V:
        keyed = not self._database.autocommit
        while True:
            row = await self._database.fetch_one(self._own(self.rows.put(row_id, values, created_at, keyed=keyed)))
            if row is not None:
                return row
            await self._reject_put(row_id, keyed=keyed)

    async def _reject_put(self, row_id: UUID, *, keyed: bool) -> None:
        """Says why no row was made; nothing where it was only that another change came between."""
        found = await self._database.fetch_one(self._own(self.rows.find(row_id)))
        if found is not None:
            raise ExistsError(row_id, found.version)
        if not keyed and await self._database.fetch_one(self._own(is_deleted(self.rows.name, row_id))):
            detail = "Something was deleted under this id. Send an Idempotency-Key to put it back."
            raise ProblemError(Problem.KEY_REQUIRED, detail)
        if await self._change_number() is None:
            await self._make_owner()

    async def _look_for_changes(self) -> int | None:
        """The number of the owner's changes. Raises UnchangedError where the client has the list at that number."""
        change = await self._change_number()
        if change is not None and change in self._conditions.known:
            raise UnchangedError(change)
        return change

    async def _of_empty_page(self) -> int | None:
        """The number of the owner's changes. Raises the 401 of a deleted account, whose pages are all empty."""
        change = await self._change_number()
        if change is None and self._database.autocommit:
            await self._accounts.reject_deleted(self._principal)
        return change

    async def _change_number(self) -> int | None:
        """None where the table's changes are not counted, or its owner has no row yet."""
        return await self._database.fetch_one(self._own(self.rows.number())) if self.rows.number else None

    async def _change(self, row_id: UUID, values: Mapping[str, Any]) -> V | None:
        return await self._write(self.rows.change(row_id, values, self._expected), self.rows.find(row_id))
