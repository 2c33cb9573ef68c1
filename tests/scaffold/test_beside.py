"""What is said of a migration, by what it does to tables that have rows and another release beside them."""

import pytest

from scaffold.beside import sentences

NOT_NULL = """op.alter_column("labels", "color", existing_type=sa.VARCHAR(length=3), nullable=False)"""
NULL = """op.alter_column(
        "labels", "color", existing_type=sa.TEXT(), nullable=True, existing_nullable=False
    )"""
CHECK = """op.execute("ALTER TABLE labels ADD CONSTRAINT ck_labels_kind CHECK ((kind = 'a'::text))")"""
COLUMN = """op.add_column("labels", sa.Column("kind", sa.Text(), nullable=True))"""
UNIQUE = """op.create_unique_constraint(op.f("uq_labels_name"), "labels", ["user_id", "name"])"""
INDEX = """op.create_index("ix_labels_kind", "labels", ["user_id", "kind"], unique=False)"""
TABLE = """op.create_table(
        "labels", sa.Column("user_id", sa.Text(), nullable=False))"""


@pytest.mark.parametrize(
    ("up", "told"),
    [
        (TABLE, []),
        (COLUMN, []),
        (NOT_NULL, ["labels.color may not be NULL any more", "Rows that do not fit"]),
        (NULL, ["labels.color may be NULL"]),
        (CHECK, ["Another rule: ck_labels_kind.", "Rows that do not fit"]),
        (f"{COLUMN}\n    {CHECK}", []),
        (UNIQUE, ["Rows that do not fit"]),
        (INDEX, ["Writes to labels wait while ix_labels_kind is built"]),
        (f"{TABLE}\n    {INDEX}", []),
        ('op.drop_column("labels", "color")', ["It drops a column"]),
    ],
)
def test_a_change_of_a_table_is_told_what_it_asks_for(up: str, told: list[str]) -> None:
    way_back = "op.drop_column(...)\n" + NULL + CHECK + INDEX
    found = [*sentences(f"def upgrade() -> None:\n    {up}\n\n\ndef downgrade() -> None:\n    {way_back}\n")]
    assert [one for one, begin in zip(found, told, strict=True) if not one.startswith(begin)] == []
