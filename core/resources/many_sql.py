"""The SQL on many rows of one owned table: what core.resources.many makes statements of."""

from typing import Any

from sqlalchemy import any_, bindparam, select, update

from core.database.ownership import OWNER
from core.resources.changes import owner_of
from core.resources.row_sql import Built, RowSql, parameters


class ManySql:
    """Each method gives the SQL of one statement, in a variant where there are some."""

    def __init__(self, sql: RowSql) -> None:
        self._sql = sql
        self._id_and_version = select(sql.columns.id, sql.columns.version)
        self._these = sql.mine(sql.columns.id == any_(bindparam("p_ids")))

    def lock_owner(self) -> Built:
        """Keeps everybody else from changing the owner's rows until the transaction ends; gives the owner's id."""
        owner = owner_of(self._sql.row)
        return select(owner).where(owner == OWNER).with_for_update(key_share=True), ()

    def named(self) -> Built:
        """Ids and versions of rows by their ids."""
        return self._id_and_version.where(*self._these), ("p_ids",)

    def chosen(self, filters: tuple[str, ...]) -> Built:
        """Ids and versions of rows that pass the filters."""
        mine = self._sql.mine(*self._sql.conditions(filters))
        return self._id_and_version.where(*mine).limit(bindparam("p_limit")), ("p_limit", *parameters(filters))

    def change_many(self, columns: tuple[str, ...]) -> Built:
        """Writes columns of rows by their ids; gives the ids."""
        changed: Any = update(self._sql.row).where(*self._these).values(self._sql.changed(columns))
        return changed.returning(self._sql.columns.id), ("p_ids", *parameters(columns))

    def remove_many(self) -> Built:
        """Removes rows by their ids; gives the number of the change for each."""
        return self._sql.removed(*self._these), ("p_ids",)
