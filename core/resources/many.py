"""Many rows of one owner changed or removed at once: all of those that were chosen, or none."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel

from core.database.queries import Query
from core.database.statements import Statement, Variant
from core.problems import FieldCode, FieldError, Problem, ProblemError
from core.resources.crud import CrudRepository
from core.resources.many_schemas import MAX_ROWS, Selection, TaggedChanges, Written
from core.resources.many_sql import ManySql
from core.resources.models import Versioned
from core.resources.preconditions import expected_versions
from core.resources.repository import UnknownOwnerError
from core.resources.row_sql import Columns
from core.resources.rows import Rows

V = TypeVar("V", bound=Versioned)


class ManyStatements:
    """The statements on many rows of a table whose changes are counted."""

    def __init__(self, rows: Rows[Any]) -> None:
        made, sql = rows.made, ManySql(rows.sql)
        self._filters = rows.filters
        self.lock: Statement[[], str] = made(sql.lock_owner)
        self._named: Statement[..., tuple[UUID, int]] = made(sql.named)
        chosen: list[Variant] = [{"filters": one} for one in rows.filters.variants() if one]
        self._chosen: Statement[..., tuple[UUID, int]] = made(sql.chosen, chosen)
        writable = rows.sql.writable()
        written: list[Variant] = [{"columns": one} for one in (writable, *((each,) for each in writable))]
        self._change: Statement[..., UUID] = made(sql.change_many, written)
        self.remove: Statement[[list[UUID]], int] = made(sql.remove_many)

    def chosen(self, selection: Selection) -> Query[tuple[UUID, int]]:
        """The ids and versions of the rows that are chosen, and of one more than may be. Raises ProblemError 400."""
        filters, values = self._filters.chosen(selection)
        if bool(selection.id) == bool(filters):
            raise _invalid("/query/id", "Must be there, or a filter: one of both", FieldCode.NOTHING_CHOSEN)
        if selection.id:
            return self.named(selection.id)
        return self._chosen(MAX_ROWS + 1, *values, filters=filters)

    def named(self, ids: Sequence[UUID]) -> Query[tuple[UUID, int]]:
        """The same of rows by their ids."""
        return self._named([*ids])

    def change(self, ids: list[UUID], values: Columns) -> Query[UUID]:
        """Writes these columns of the rows."""
        return self._change(ids, *values.values(), columns=(*values,))


class ManyRepository(CrudRepository[V]):
    """A CrudRepository that also writes many rows at once. Its table's changes are counted (ChangeTracked)."""

    many: ManyStatements

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "rows" in vars(cls):
            cls.many = ManyStatements(cls.rows)

    async def change_many(self, selection: Selection, changes: BaseModel) -> Written:
        """Writes the same into each of the rows that are chosen: by the selection, or by tags.

        Raises ProblemError 400 where none or both choose, 409 for too many, and 412 where one has another tag.
        """
        if not isinstance(changes, TaggedChanges):
            return await self._written(self.many.chosen(selection), changes)
        if selection.model_fields_set:
            raise _invalid("/etags", "Must stand alone: the query chooses rows as well", FieldCode.CHOSEN_TWICE)
        merge: BaseModel = vars(changes)["set"]
        return await self._written(self.many.named([*changes.etags]), merge, changes.etags)

    async def delete_many(self, selection: Selection) -> Written:
        """Removes the rows that are chosen. Raises as change_many does."""
        numbers: list[int] = []

        async def remove(ids: list[UUID], at: Self) -> None:
            numbers[:] = await at._database.fetch_all(at._own(at.many.remove(ids)))

        done = await self._all_of(self.many.chosen(selection), remove, {})
        if done.count:
            await self._sweep(numbers[0])
        return done

    async def _written(
        self, chosen: Query[tuple[UUID, int]], changes: BaseModel, etags: Mapping[UUID, str] | None = None
    ) -> Written:
        values = {name: value for name, value in changes.__dict__.items() if name in changes.model_fields_set}

        async def change(ids: list[UUID], at: Self) -> None:
            if values:
                await at._database.fetch_all(at._own(at.many.change(ids, values)))

        return await self._all_of(chosen, change, etags or {})

    async def _all_of(
        self,
        chosen: Query[tuple[UUID, int]],
        write: Callable[[list[UUID], Self], Awaitable[None]],
        etags: Mapping[UUID, str],
    ) -> Written:
        self._reject_if_match()
        allowed = {row_id: self._allowed(row_id, tag) for row_id, tag in etags.items()}

        async def work(at: Self) -> Written:
            # Whoever writes a row of this owner has this lock first: until the end nobody else does.
            if await at._database.fetch_one(at._own(at.many.lock())) is None:
                raise UnknownOwnerError
            rows = await at._database.fetch_all(at._own(chosen))
            if len(rows) > MAX_ROWS:
                raise ProblemError(Problem.TOO_MANY_ROWS, f"More than {MAX_ROWS} were chosen, and nothing was done.")
            _reject_stale(dict(rows), allowed)
            if ids := [row_id for row_id, _ in rows]:
                await write(ids, at)
            return Written(count=len(ids), ids=ids)

        return await self._together(work)

    def _allowed(self, row_id: UUID, tag: str) -> list[int] | None:
        """The versions that a row may have, None for any."""
        try:
            return expected_versions([tag], self._principal.tag)
        except ProblemError:
            raise _invalid(
                f"/etags/{row_id}", "Must be an entity tag, as `etag` of a row is", FieldCode.MALFORMED
            ) from None

    def _reject_if_match(self) -> None:
        if self._expected is not None:
            raise _invalid(
                "/header/if-match", "Must be left out: `etags` in the body is for many", FieldCode.NOT_OF_ONE
            )


def _reject_stale(versions: Mapping[UUID, int], allowed: Mapping[UUID, list[int] | None]) -> None:
    stale = [
        FieldError(pointer=f"/etags/{row_id}", message="It has changed since", code=FieldCode.STALE)
        for row_id, expected in allowed.items()
        if row_id in versions and expected is not None and versions[row_id] not in expected
    ]
    if stale:
        detail = "Some have changed since you read them, and nothing was done. Read them again."
        raise ProblemError(Problem.PRECONDITION_FAILED, detail, errors=stale)


def _invalid(pointer: str, message: str, code: FieldCode) -> ProblemError:
    error = FieldError(pointer=pointer, message=message, code=code)
    return ProblemError(Problem.VALIDATION_FAILED, "It is not clear which rows are meant.", errors=[error])
