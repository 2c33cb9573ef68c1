"""What one of several servers says of a constraint, as Citus 13.2 was seen to pass it on: the name is read from it."""

from collections.abc import Callable

import pytest
from sqlmodel import func, select
from sqlmodel.sql.expression import SelectOfScalar

from core.database.errors import (
    DatabaseError,
    ForeignKeyViolationError,
    TransactionConflictError,
    UniqueViolationError,
    ValueRejectedError,
)
from core.database.statements import statement
from tests.conftest import TestDatabase
from tests.core.database.database_path import on

SAY = """
CREATE FUNCTION public.say(state text, message text, name text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
    IF name IS NULL THEN RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message; END IF;
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message, CONSTRAINT = name;
END $$"""
FOREIGN = 'insert or update on table "tasks_102124" violates foreign key constraint "fk_tasks_user_id_users_102124"'
DUPLICATE = 'duplicate key value violates unique constraint "pk_users_102030"'
CHECK = 'new row for relation "tasks_102126" violates check constraint "ck_tasks_title_length"'


@statement
def say(state: str, message: str, name: str | None) -> SelectOfScalar[int]:
    return select(func.say(state, message, name))


@pytest.fixture(scope="module")
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    database = make_database()
    database.query(SAY)
    return database


@pytest.mark.parametrize(
    ("sent", "kind", "state", "constraint"),
    [
        (("23503", FOREIGN, None), ForeignKeyViolationError, "23503", "fk_tasks_user_id_users"),
        (
            ("23503", FOREIGN, "fk_tasks_user_id_users_102124"),
            ForeignKeyViolationError,
            "23503",
            "fk_tasks_user_id_users",
        ),
        (("23503", "-", "fk_tasks_user_id_users"), ForeignKeyViolationError, "23503", "fk_tasks_user_id_users"),
        (("XX000", FOREIGN, None), ForeignKeyViolationError, "23503", "fk_tasks_user_id_users"),
        (("23505", DUPLICATE, None), UniqueViolationError, "23505", "pk_users"),
        (("XX000", DUPLICATE, None), UniqueViolationError, "23505", "pk_users"),
        (("XX000", CHECK, None), ValueRejectedError, "23514", "ck_tasks_title_length"),
        (("XX000", "tuple concurrently updated", None), TransactionConflictError, "XX000", None),
        (("23503", "-", "made_by_hand"), ForeignKeyViolationError, "23503", "made_by_hand"),
        (("23505", "-", "uq_notes_2026"), UniqueViolationError, "23505", "uq_notes_2026"),
    ],
)
def test_the_constraint_is_the_one_that_was_declared(
    own: TestDatabase, sent: tuple[str, str, str | None], kind: type[DatabaseError], state: str, constraint: str | None
) -> None:
    with pytest.raises(DatabaseError) as raised:
        on(own.url, lambda path: path.fetch_one(say(*sent)))
    assert (type(raised.value), raised.value.sqlstate, raised.value.constraint) == (kind, state, constraint)
