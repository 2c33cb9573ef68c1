"""A database as it was before the tables had a schema of their own: all of them in public."""

from tests.migrations.schema import Queried, tables


def to_public(database: Queried) -> None:
    """Moves our tables there, and Alembic's with them: the migrations made the same ones in public."""
    moves = "".join(f"ALTER TABLE todo.{name} SET SCHEMA public;" for name in sorted(tables(database)))
    database.query(f"{moves} DROP SCHEMA todo")
