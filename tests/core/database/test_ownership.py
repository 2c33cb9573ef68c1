"""The wall in every statement: what reaches an owned table for more than one owner is rejected, whatever its form."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    MetaData,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    join,
    literal,
    literal_column,
    not_,
    or_,
    outerjoin,
    select,
    table,
    tablesample,
    text,
    true,
    update,
    values,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased

from core.database.ownership import DIALECT, OWNER, OWNER_COLUMN, UnscopedStatementError
from core.resources.changes import next_change
from modules.auth.models import LocalAccount
from modules.tasks.models import Task as TaskClass
from modules.users.models import User as UserClass

# Untyped, because most of what follows is what a type checker would not let pass in the product.
Task: Any = TaskClass
User: Any = UserClass
Free: Any = LocalAccount
TASKS: Any = Task.__table__
FREE: Any = Free.__table__

MINE = Task.user_id == OWNER
ME = User.id == OWNER
Other: Any = aliased(Task)
THEIRS = Other.user_id == OWNER
HOW_MANY = select(func.count()).where(THEIRS, Other.title == Task.title).scalar_subquery()
LABELS = Table("own_labels", MetaData(), Column("label", Text))
NARROW = Table("narrow", MetaData(), Column("user_id", Text, info={OWNER_COLUMN: True}), Column("title", Text))
# Somebody's titles: each place that a subquery can stand in is tried with it.
LEAK = select(Task.title).limit(1).scalar_subquery()
OWN = select(Task.title).where(MINE).limit(1).scalar_subquery()


def scoped(source: Any) -> Any:
    return select(source.c.title).where(source.c.user_id == OWNER)


def sampled() -> Any:
    return tablesample(TASKS, func.bernoulli(10), name="sampled")


def deep(leak: Any) -> Any:
    """A condition that holds a harmless subquery above, and the leak below."""
    return or_(Free.user_id.in_(select(Free.user_id)), and_(Free.email_key == "a", or_(Free.email_key == "b", leak)))


def upserted(set_: dict[Any, Any], where: Any = None) -> Any:
    new = upsert(Task).values(user_id=OWNER, title="x")
    return new.on_conflict_do_update(index_elements=["id"], set_=set_, where=where)


def recursive(step: Any) -> Any:
    start = select(Task.id).where(MINE).cte("r", recursive=True)
    return select(start.union_all(step(start)).c.id)


READS: dict[str, Callable[[], Any]] = {
    "everybody's": lambda: select(Task),
    "one column": lambda: select(Task.title),
    "count": lambda: select(func.count()).select_from(Task),
    "only in WHERE": lambda: select(literal(1)).where(Task.title == "x"),
    "whole row as a value": lambda: select(func.row_to_json(TASKS.table_valued())),
    "another comparison": lambda: select(Task).where(Task.user_id != OWNER),
    "negated": lambda: select(Task).where(not_(MINE)),
    "alternative": lambda: select(Task).where(or_(MINE, Task.title == "x")),
    "alternative deep inside": lambda: select(Task).where(Task.title == "x", or_(and_(MINE, true()), true())),
    "in a CASE": lambda: select(Task).where(case((MINE, true()), else_=true())),
    "compared with a constant": lambda: select(Task).where(Task.user_id == "somebody"),
    "compared with another parameter": lambda: select(Task).where(Task.user_id == bindparam("p_owner")),
    "compared with itself": lambda: select(Task).where(Task.user_id == Task.user_id),
    "another column compared": lambda: select(Task).where(Task.title == OWNER),
    "in HAVING": lambda: select(func.count(Task.id)).having(MINE),
    "as a column": lambda: select(Task.user_id == OWNER),
    "alias": lambda: select(Other),
    "alias beside the scoped table": lambda: select(Other.title, Task.title).where(MINE),
    "table beside the scoped alias": lambda: select(Other.title, Task.title).where(Other.user_id == OWNER),
    "alias of an alias": lambda: select(TASKS.alias("a").alias("b").c.title),
    "alias with the name of a scoped table": lambda: select(TASKS.alias("users")).where(ME),
    "sample": lambda: select(sampled().c.title),
    "join": lambda: select(User, Task).join(Task, Task.user_id == User.id).where(ME),
    "join of the other side": lambda: select(User, Task).join(Task, Task.user_id == User.id).where(MINE),
    "outer join": lambda: select(Free.user_id).outerjoin(Task, Task.user_id == Free.user_id),
    "outer join with the owner of its left side in ON": lambda: select(Task).outerjoin(Free, MINE),
    "full join with the owner in ON": lambda: select(Free.user_id, Task).outerjoin(Task, MINE, full=True),
    "outer join of a join": lambda: select(Free.user_id).select_from(
        outerjoin(FREE.alias(), join(FREE, TASKS, true()), true())
    ),
    "correlated EXISTS, one level": lambda: select(Task).where(MINE, exists().where(Other.title == Task.title)),
    "correlated EXISTS, the other level": lambda: select(Task).where(exists().where(THEIRS, Other.title == Task.title)),
    "join in brackets": lambda: select(Free.user_id).select_from(join(FREE.alias(), join(FREE, TASKS, true()), true())),
    "alias of a join": lambda: select(TASKS.join(FREE, true()).alias("both")),
    "subquery": lambda: select(select(Task).subquery().c.id),
    "scoped outside the subquery": lambda: scoped(select(Task).subquery()),
    "aliased subquery": lambda: select(aliased(Task, select(Task).subquery())),
    "lateral": lambda: (
        select(User.id).join(select(Task.title).where(Task.user_id == User.id).lateral("l"), true()).where(ME)
    ),
    "CTE": lambda: select(select(Task).cte("c").c.id),
    "CTE that is only named": lambda: select(Free.user_id).add_cte(select(Task).cte("c")),
    "CTE that deletes": lambda: select(delete(Task).returning(Task.id).cte("c").c.id),
    "recursive CTE": lambda: recursive(lambda r: select(Task.id).join(r, Task.id == r.c.id)),
    "second part of a union": lambda: select(Task.id).where(MINE).union(select(Task.id)),
    "first part of an exception": lambda: select(Task.id).except_(select(Task.id).where(MINE)),
    "union in a subquery": lambda: select(select(Task.id).where(MINE).union_all(select(Task.id)).subquery().c.id),
    "EXISTS": lambda: select(exists().where(Task.title == "x")),
    "EXISTS that refers to the user": lambda: select(User).where(ME, exists().where(Task.user_id == User.id)),
    "IN": lambda: select(Free.user_id).where(Free.user_id.in_(select(Task.user_id))),
    "ANY": lambda: select(Free.user_id).where(Free.user_id == any_(select(Task.user_id).scalar_subquery())),
    "lambda": lambda: select(Free.user_id).where(lambda: Task.title == Free.email_key),
    "subquery as a column": lambda: select(Free.user_id, LEAK),
    "subquery in a function": lambda: select(func.concat(LEAK)),
    "subquery in FILTER": lambda: select(func.count().filter(LEAK == "x")).select_from(Free),
    "subquery in OVER": lambda: select(func.count().over(partition_by=LEAK)).select_from(Free),
    "subquery in CASE": lambda: select(case((LEAK == "x", 1), else_=0)),
    "subquery in DISTINCT ON": lambda: select(Free.user_id).ext(distinct_on(LEAK)),
    "subquery in GROUP BY": lambda: select(func.count()).select_from(Free).group_by(LEAK),
    "subquery in HAVING": lambda: select(func.count()).select_from(Free).having(LEAK == "x"),
    "subquery in ORDER BY": lambda: select(Free.user_id).order_by(LEAK),
    "subquery in LIMIT": lambda: select(Free.user_id).limit(select(func.count(Task.id)).scalar_subquery()),
    "subquery in OFFSET": lambda: select(Free.user_id).offset(select(func.count(Task.id)).scalar_subquery()),
    "subquery in VALUES": lambda: select(values(column("x", Text), name="v").data([("a",), (LEAK,)])),
}

WRITES: dict[str, Callable[[], Any]] = {
    "delete": lambda: delete(Task),
    "delete by id": lambda: delete(Task).where(Task.id == bindparam("p_id")),
    "delete through an alias": lambda: delete(TASKS.alias("a")).where(MINE),
    "delete using": lambda: delete(Free).where(Free.user_id == Task.user_id),
    "delete using, deep inside": lambda: delete(Free).where(deep(Task.title == Free.email_key)),
    "delete by a subquery": lambda: delete(Free).where(Free.user_id.in_(select(Task.user_id))),
    "delete returning a subquery": lambda: delete(Free).returning(LEAK),
    "update": lambda: update(Task).values(title="x"),
    "update by id": lambda: update(Task).where(Task.id == bindparam("p_id")).values(title="x"),
    "update with another table": lambda: (
        update(User).where(ME, User.name == Task.title, or_(MINE, true())).values(name="x")
    ),
    "update from, deep inside": lambda: update(Free).where(deep(Task.title == Free.email_key)).values(email_key="x"),
    "update from, in SET": lambda: update(Free).values(email_key=Task.title),
    "update with a subquery in SET": lambda: update(Free).values(email_key=LEAK),
    "update in order, with a subquery": lambda: update(Free).ordered_values((Free.email_key, LEAK)),
    "update of a join": lambda: update(join(FREE, TASKS, true())).values({TASKS.c.title: "x"}),
    "insert without owner": lambda: insert(Task).values(title="x"),
    "insert for somebody": lambda: insert(Task).values(user_id="somebody", title="x"),
    "insert for somebody, then for the owner": lambda: (
        insert(TASKS).values({TASKS.c.user_id: "x"}).values(user_id=OWNER)
    ),
    "insert for the owner, then for somebody": lambda: insert(Task).values(user_id=OWNER).values(user_id="somebody"),
    "insert of the owner into another column": lambda: insert(Task).values(title=OWNER),
    "insert of nothing": lambda: insert(Task),
    "insert of many rows": lambda: insert(Task).values([{"user_id": OWNER}, {"user_id": "somebody"}]),
    "insert of somebody's rows": lambda: insert(Free).from_select(["user_id"], select(Task.user_id)),
    "insert from own rows": lambda: insert(Task).from_select(["user_id"], select(User.id).where(ME)),
    "insert of a subquery": lambda: insert(Free).values(user_id=LEAK),
    "insert of a subquery in many rows": lambda: insert(Free).values([{"user_id": "a"}, {"user_id": LEAK}]),
    "insert of a subquery in a tuple": lambda: insert(LABELS).values([("a",), (LEAK,)]),
    "insert returning a subquery": lambda: insert(Free).values(user_id="x").returning(LEAK),
    "insert after a CTE that deletes": lambda: insert(Free).values(user_id="x").add_cte(delete(Task).cte("c")),
    "upsert over somebody's row": lambda: upserted({"title": "x"}),
    "upsert of a subquery": lambda: upserted({"title": LEAK}, MINE),
    "upsert under a subquery": lambda: upserted({"title": "x"}, and_(MINE, LEAK == "x")),
}

GIFTS: dict[str, Callable[[], Any]] = {
    "by name": lambda: update(Task).where(MINE).values(user_id="somebody"),
    "by column": lambda: update(TASKS).where(MINE).values({TASKS.c.user_id: "somebody"}),
    "by name, on the table": lambda: update(TASKS).where(MINE).values({"user_id": "somebody"}),
    "by attribute": lambda: update(Task).where(MINE).values({Task.user_id: "somebody"}),
    "in order": lambda: update(Task).where(MINE).ordered_values((Task.title, "x"), (Task.user_id, "somebody")),
    "through an alias": lambda: update(Other).where(Other.user_id == OWNER).values(user_id="somebody"),
    "with every column": lambda: update(Task).where(MINE),
    "to oneself": lambda: update(Task).where(MINE).values(user_id=OWNER),
    "by an upsert": lambda: upserted({"user_id": "somebody"}, MINE),
    "by an upsert's attribute": lambda: upserted({Task.user_id: "somebody"}, MINE),
    "of a user's own row": lambda: update(User).where(ME).values(id="somebody"),
}

IN_TEXT: dict[str, Callable[[], Any]] = {
    "a statement": lambda: text("SELECT title FROM tasks").columns(column("title")),
    "a statement of an entity": lambda: select(Task).from_statement(text("SELECT * FROM Tasks")),
    "FROM": lambda: select(column("title")).select_from(text("tasks")),
    "columns": lambda: select(text('title FROM "tasks"')),
    "literal column": lambda: select(literal_column("(SELECT title FROM tasks LIMIT 1)")),
    "WHERE": lambda: select(Free.user_id).where(text("EXISTS (SELECT FROM public.users)")),
    "ORDER BY": lambda: select(Free.user_id).order_by(text("(SELECT title FROM TASKS LIMIT 1)")),
    "prefix": lambda: select(Free.user_id).prefix_with("(SELECT title FROM tasks LIMIT 1),"),
    "suffix": lambda: select(Free.user_id).suffix_with("UNION SELECT title FROM tasks"),
    "a table without columns": lambda: select(table("tasks", column("title")).c.title),
    "a table described again": lambda: select(Table("tasks", MetaData(), Column("title", Text)).c.title),
    "insert into a table described again": lambda: insert(Table("tasks", MetaData(), Column("title", Text))),
}

COUNTED: dict[str, Callable[[], Any]] = {
    "insert": lambda: insert(Task).from_select(
        ["user_id", "title", "change"], select(OWNER, literal("x"), counted(ME))
    ),
    "update": lambda: update(Task).where(MINE).values(change=counted(ME)),
    "delete": lambda: delete(Task).where(MINE).returning(counted(ME)),
    "by the helper": lambda: update(Task).where(MINE).values(change=next_change(Task).c.number),
}

MISCOUNTED: dict[str, Callable[[], Any]] = {
    "insert": lambda: insert(Task).from_select(["user_id", "change"], select(OWNER, counted(User.id == "x"))),
    "update": lambda: update(Task).where(MINE).values(change=counted(User.id == "x")),
    "for nobody": lambda: update(Task).where(MINE).values(change=counted(true())),
    "insert for another": lambda: insert(Task).from_select(["user_id", "change"], select(literal("x"), counted(ME))),
    "insert in another place": lambda: insert(Task).from_select(["title", "user_id"], select(OWNER, counted(ME))),
    "insert without an owner": lambda: insert(Task).from_select(["change"], select(counted(ME))),
    "insert from a union": lambda: insert(Task).from_select(["user_id"], select(OWNER).union_all(select(literal("x")))),
}

SCOPED: dict[str, Callable[[], Any]] = {
    "select": lambda: select(Task).where(MINE),
    "owner on the left": lambda: select(Task).where(OWNER == Task.user_id),  # noqa: SIM300
    "more conditions": lambda: select(Task).where(MINE & ((Task.title == "x") | (Task.title == "y"))),
    "conditions one by one": lambda: select(Task).where(Task.title == "x").where(MINE),
    "table of Core": lambda: select(TASKS.c.title).where(TASKS.c.user_id == OWNER),
    "count": lambda: select(func.count()).select_from(Task).where(MINE),
    "alias": lambda: select(Other).where(Other.user_id == OWNER),
    "table and alias": lambda: select(Task, Other).where(MINE, Other.user_id == OWNER),
    "sample": lambda: scoped(sampled()),
    "join": lambda: select(User, Task).join(Task, Task.user_id == User.id).where(ME, MINE),
    "owner in ON": lambda: select(Free.user_id).join(Task, and_(Task.user_id == Free.user_id, MINE)),
    "owner in the ON of an outer join": lambda: select(Free.user_id, Task.title).outerjoin(
        Task, and_(Task.user_id == Free.user_id, MINE)
    ),
    "owner of an outer join in WHERE": lambda: select(Task).outerjoin(Free, true()).where(MINE),
    "join in brackets": lambda: (
        select(Task).select_from(join(FREE, join(TASKS, FREE.alias(), true()), true())).where(MINE)
    ),
    "subquery": lambda: select(select(Task).where(MINE).subquery().c.id),
    "subquery as a column": lambda: select(Free.user_id, OWN),
    "CTE": lambda: select(select(Task).where(MINE).cte("c").prefix_with("MATERIALIZED").c.id),
    "recursive CTE": lambda: recursive(lambda r: select(Task.id).join(r, Task.id == r.c.id).where(MINE)),
    "union": lambda: select(Task.id).where(MINE).union_all(select(Task.id).where(MINE)),
    "EXISTS": lambda: select(exists().where(ME)),
    "correlated EXISTS": lambda: select(Task).where(MINE, exists().where(THEIRS, Other.title == Task.title)),
    "correlated EXISTS on another table": lambda: select(Task).where(MINE, exists().where(ME, User.name == Task.title)),
    "correlated scalar subquery": lambda: select(Task.title, HOW_MANY).where(MINE),
    "correlated subquery in an UPDATE": lambda: update(Task).where(MINE).values(title=cast(HOW_MANY, Text)),
    "correlated subquery in a DELETE": lambda: delete(Task).where(MINE, HOW_MANY > 1),
    "lambda": lambda: select(Task).where(MINE, lambda: Task.title == "x"),
    "delete": lambda: delete(Task).where(MINE).returning(Task.id),
    "delete using": lambda: delete(Task).where(MINE, Task.title == User.name, ME),
    "update": lambda: update(Task).where(MINE).values(title="x").returning(Task),
    "update from": lambda: update(Task).where(MINE, Task.user_id == User.id, ME).values(title=User.name),
    "update with own subquery": lambda: update(Task).where(MINE).values(title=OWN),
    "insert": lambda: insert(Task).values(user_id=OWNER, title="x").returning(Task),
    "insert into the table of Core": lambda: insert(TASKS).values(user_id=OWNER, title="x"),
    "insert or nothing": lambda: upsert(Task).values(user_id=OWNER).on_conflict_do_nothing().returning(Task.id),
    "insert of several rows": lambda: insert(Task).values([{"user_id": OWNER}, {"user_id": OWNER, "title": "x"}]),
    "insert of several rows by position": lambda: insert(NARROW).values([(OWNER, "a"), (OWNER, "b")]),
    "insert of own rows": lambda: insert(Free).values(user_id="x", email_key=OWN),
    "upsert over own rows": lambda: upserted({"title": "x"}, and_(MINE, Task.title != "x")),
}

FREE_OF_OWNERS: dict[str, Callable[[], Any]] = {
    "select": lambda: select(Free),
    "no table": lambda: select(func.now(), func.count(), literal(1)),
    "function with OWNER": lambda: select(func.hashtextextended(OWNER, 0)),
    "function as a table": lambda: select(func.generate_series(1, 3).table_valued("n").c.n),
    "VALUES": lambda: select(values(column("x", Text), name="v").data([("tasks",)])),
    "insert of many rows": lambda: insert(Free).values([{"user_id": "a"}, {"user_id": "b"}]),
    "upsert": lambda: (
        upsert(Free).values(user_id="x").on_conflict_do_update(index_elements=["user_id"], set_={"email_key": "y"})
    ),
    "update": lambda: update(Free).values(user_id="x"),
    "delete": lambda: delete(Free).where(deep(Free.email_key == "x")),
    "text that names none": lambda: select(literal_column("1 % 2")).where(text("multitasks_ is null")),
    "a table of others": lambda: select(table("alembic_version", column("version_num")).c.version_num),
}


def require_owner(source: Any) -> bool:
    found: bool = source.compile(dialect=DIALECT).owned
    return found


def cases(statements: dict[str, Callable[[], Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in statements.items()])


def counted(condition: Any) -> Any:
    """A column of a CTE that writes users."""
    written = update(User).where(condition).values(change=User.change + 1)
    return written.returning(User.change).cte("counted").c.change


@cases(COUNTED)
def test_a_cte_that_is_named_by_its_columns_alone_is_looked_at(build: Callable[[], Any]) -> None:
    assert require_owner(build())


@cases(MISCOUNTED)
def test_a_cte_that_is_named_by_its_columns_alone_needs_an_owner(build: Callable[[], Any]) -> None:
    with pytest.raises(UnscopedStatementError, match="has no owner"):
        require_owner(build())


@cases(READS | WRITES)
def test_a_statement_without_its_owner_is_rejected(build: Callable[[], Any]) -> None:
    with pytest.raises(UnscopedStatementError, match=r"^A statement on (tasks|users) has no owner: add "):
        require_owner(build())


def test_an_upsert_is_told_which_where_it_lacks() -> None:
    mine = upserted({"title": "y"}, MINE)
    assert require_owner(mine)
    told = r"tasks has no owner: add `where=col\(….user_id\) == OWNER` to on_conflict_do_update: "
    with pytest.raises(UnscopedStatementError, match=told):
        require_owner(upserted({"title": "y"}))
    with pytest.raises(UnscopedStatementError, match="or to an INSERT's values"):
        require_owner(upsert(Task).values(title="x").on_conflict_do_update(index_elements=["id"], set_={"title": "y"}))


@cases(GIFTS)
def test_a_row_is_never_given_to_another_owner(build: Callable[[], Any]) -> None:
    with pytest.raises(
        UnscopedStatementError, match=r"^A statement gives rows of (tasks|users) to another owner: leave"
    ):
        require_owner(build())


@cases(IN_TEXT)
def test_an_owned_table_that_is_named_in_text_is_rejected(build: Callable[[], Any]) -> None:
    with pytest.raises(
        UnscopedStatementError, match=r"^A statement names (tasks|users) in text: use the table's class"
    ):
        require_owner(build())


@cases(SCOPED)
def test_a_statement_with_its_owner_is_taken(build: Callable[[], Any]) -> None:
    assert require_owner(build()) is True


@cases(FREE_OF_OWNERS)
def test_a_statement_on_other_tables_needs_no_owner(build: Callable[[], Any]) -> None:
    assert require_owner(build()) is False
