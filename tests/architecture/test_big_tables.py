"""The big tables can be filled, whatever a slice says must be one of a kind."""

from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, Column, Computed, Index, Integer, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement, SchemaItem

from core.database.ownership import DIALECT, OWNER_COLUMN
from tests.architecture.big_tables import BIG, OF_EACH, rows_of
from tests.conftest import TestDatabase


@pytest.mark.parametrize(
    ("key", "rows", "of_big"),
    [
        (Index("ix_title", "title"), 50 * OF_EACH, OF_EACH),
        (UniqueConstraint("user_id", "title"), 50 * OF_EACH, OF_EACH),
        (Index("uq_title", "user_id", "title", unique=True), 50 * OF_EACH, OF_EACH),
        (UniqueConstraint("user_id"), 19_000, 0),
    ],
)
def test_a_table_has_rows_that_its_keys_allow(database: TestDatabase, key: SchemaItem, rows: int, of_big: int) -> None:
    owner: Column[str] = Column("user_id", Text, info={OWNER_COLUMN: True})
    computed = Column("length", Integer, Computed("char_length(title)", persisted=True))
    rule = CheckConstraint("char_length(title) = 40", name="long")
    table = Table(f"big_{uuid4().hex}", MetaData(), owner, Column("title", Text), computed, rule, key)
    made: list[DDLElement] = [CreateTable(table), *map(CreateIndex, table.indexes)]
    connection = database.connect()
    cursor = connection.cursor()
    cursor.execute(";".join(str(one.compile(dialect=DIALECT)) for one in made))
    cursor.execute(rows_of(table))
    cursor.execute(f"SELECT count(*), count(*) FILTER (WHERE user_id = %s) FROM {table.name}", (BIG,))
    assert cursor.fetchall() == [(rows, of_big)]
    connection.close()
