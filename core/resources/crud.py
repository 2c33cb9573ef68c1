"""The repository that most slices need: rows of one table, found, made, changed, removed and listed."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from core.resources.models import Versioned
from core.resources.pagination import ListQuery, Page, page_of
from core.resources.preconditions import UnchangedError
from core.resources.repository import OwnedRepository
from core.resources.rows import Rows

V = TypeVar("V", bound=Versioned)


class CrudRepository(OwnedRepository, Generic[V]):
    """The current user's rows of one table: a subclass sets `rows`. A row that is somebody else's, or none, is None.

    Fields of the schemas are columns of the table by their names. Writes heed If-Match: they raise ProblemError 412
    where the row has another version. All raise the 401 of a deleted account.
    """

    rows: Rows[V]

    async def get(self, row_id: UUID) -> V | None:
        """The row."""
        return await self._one(self.rows.find(row_id))

    async def create(self, new: BaseModel) -> V:
        """Stores a new row. Its id sorts by the time of its making. Raises UniqueViolationError."""
        return await self._insert(self.rows.create(new.__dict__))

    async def replace(self, row_id: UUID, new: BaseModel) -> V | None:
        """Writes all that a client may write."""
        return await self._change(row_id, new.__dict__)

    async def change(self, row_id: UUID, changes: BaseModel) -> V | None:
        """Writes what is present in `changes`, if anything is; `null` is present, and what is absent stays."""
        present = changes.model_fields_set
        if not present:
            return self._matched(await self.get(row_id))
        return await self._change(row_id, {name: value for name, value in changes.__dict__.items() if name in present})

    async def delete(self, row_id: UUID) -> UUID | None:
        """Removes the row, and gives its id."""
        return await self._write(self.rows.remove(row_id, self._expected), self.rows.find(row_id))

    async def list(self, query: ListQuery) -> Page[V]:
        """A page of the rows that pass the filters. Raises ProblemError 400 for a cursor of another list."""
        change = await self._look_for_changes() if self._conditions.known else None
        rows: list[Any] = await self._all(self.rows.page(query))
        if not rows and change is None and (change := await self._changes()) is not None:
            # An empty page says no number, and it must not have seen less than the one that it gets.
            rows = await self._all(self.rows.page(query))
        page: Page[Any] = page_of(rows, query.limit, query.sort, change)
        if query.include_total:
            page["total"] = (await self._all(self.rows.count(query)))[0]
        return page

    async def _look_for_changes(self) -> int | None:
        """The number of the owner's changes. Raises UnchangedError where the client has the list at that number."""
        change = await self._changes()
        if change is not None and change in self._conditions.known:
            raise UnchangedError(change)
        return change

    async def _changes(self) -> int | None:
        """None where the table's changes are not counted, or its owner has no row yet."""
        return await self._database.fetch_one(self._own(self.rows.number())) if self.rows.number else None

    async def _change(self, row_id: UUID, values: Mapping[str, Any]) -> V | None:
        return await self._write(self.rows.change(row_id, values, self._expected), self.rows.find(row_id))
