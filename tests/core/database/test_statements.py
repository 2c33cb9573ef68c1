"""Statements on SQLModel's tables: compiled once, sent with adapted values, and given back as typed rows."""

import importlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    ARRAY,
    CompoundSelect,
    Date,
    DateTime,
    Insert,
    Interval,
    LargeBinary,
    Numeric,
    Text,
    Uuid,
    any_,
    cast,
    func,
    insert,
    null,
    table,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased, registry
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlmodel import Field, SQLModel, col, delete, literal, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.database.database import Database
from core.database.errors import ValueRejectedError
from core.database.limits import found_once
from core.database.ownership import OWNER, UnscopedStatementError
from core.database.queries import Query, on_the_spot
from core.database.statements import CATALOGUE, check, statement
from main import create_app
from modules.tasks.models import Task
from modules.users.models import User
from tests.conftest import TestDatabase, make_settings
from tests.core.database.database_path import on

T = TypeVar("T")


class _Apart(SQLModel, registry=registry()):
    """Tables that are no part of the product."""


class Sample(_Apart, table=True):
    """One column of each kind."""

    __tablename__ = "samples"

    id: UUID = Field(primary_key=True)
    label: str = Field(sa_type=Text)
    amount: Decimal | None = Field(sa_type=Numeric)
    ratio: float | None
    flag: bool | None
    document: Any = Field(sa_type=JSONB, nullable=True)
    tags: list[str] | None = Field(sa_type=ARRAY(Text))
    content: bytes | None = Field(sa_type=LargeBinary)
    life: timedelta | None = Field(sa_type=Interval)
    day: date | None = Field(sa_type=Date)
    moment: datetime | None = Field(sa_type=DateTime(timezone=True))
    counted: int | None = Field(sa_column_kwargs={"server_default": "7"})
    kept: int | None = Field(default=8)


ROW: dict[str, Any] = {
    "id": UUID("0192f7a0-0000-7000-8000-00000000002a"),
    "label": 'it\'s 100 % \\ "Ünïcödé" 🌱; DROP TABLE samples; -- %s %(p_label)s',
    "amount": Decimal("12345678901234567890.0123456789"),
    "ratio": 0.1,
    "flag": True,
    "document": {"a": [1, 2.5, None, "ü'\"\\"], "b": {}},
    "tags": ["x", 'a "b", {c}', "", "NULL"],
    "content": bytes(range(256)),
    "life": timedelta(days=3, microseconds=1),
    "day": date(2030, 2, 28),
    "moment": datetime(2030, 2, 28, 12, 30, 0, 123456, tzinfo=UTC),
}


@statement
def add_sample(
    id: UUID,  # noqa: A002
    label: str,
    amount: Decimal | None,
    ratio: float | None,
    flag: bool | None,
    document: object,
    tags: list[str] | None,
    content: bytes | None,
    life: timedelta | None,
    day: date | None,
    moment: datetime | None,
) -> ReturningInsert[Sample]:
    names = ("id", "label", "amount", "ratio", "flag", "document", "tags", "content", "life", "day", "moment")
    given = (id, label, amount, ratio, flag, document, tags, content, life, day, moment)
    return insert(Sample).values(**dict(zip(names, given, strict=True)), kept=None).returning(Sample)


@statement
def find_sample(sample_id: UUID) -> SelectOfScalar[Sample]:
    return select(Sample).where(col(Sample.id) == sample_id)


@statement
def remove_sample(sample_id: UUID) -> ReturningDelete[UUID]:
    return delete(Sample).where(col(Sample.id) == sample_id).returning(col(Sample.id))


@pytest.fixture(scope="module")
def samples(database: TestDatabase) -> Iterator[TestDatabase]:
    database.query(
        "CREATE TABLE samples (id uuid PRIMARY KEY, label text NOT NULL, amount numeric, ratio double precision,"
        " flag boolean, document jsonb, tags text[], content bytea, life interval, day date, moment timestamptz,"
        " counted integer DEFAULT 7, kept integer)"
    )
    yield database
    database.query("DROP TABLE samples")


def first(database: TestDatabase, query: Query[T]) -> T | None:
    return on(database.proxied_url, lambda path: path.fetch_one(query))


def sample(**values: Any) -> Query[Sample]:
    return add_sample(*{**ROW, "id": uuid4(), **values}.values())


def test_an_entity_comes_back_as_it_was_sent_whatever_the_type_of_its_columns(samples: TestDatabase) -> None:
    expected = {**ROW, "counted": 7, "kept": None}
    stored = first(samples, add_sample(*ROW.values()))
    found = first(samples, find_sample(ROW["id"]))
    assert isinstance(stored, Sample)
    assert isinstance(found, Sample)
    assert stored.model_dump() == found.model_dump() == expected
    assert {name: type(value) for name, value in found.model_dump().items()} == {
        name: type(value) for name, value in expected.items()
    }
    assert first(samples, remove_sample(ROW["id"])) == ROW["id"]
    assert first(samples, find_sample(ROW["id"])) is None


def test_what_no_text_can_hold_is_a_value_that_is_rejected(samples: TestDatabase) -> None:
    """Input is looked at before; what a slice makes by itself comes here."""
    with pytest.raises(ValueRejectedError):
        first(samples, sample(label="a\0b"))
    assert first(samples, sample(label="ab")) is not None


def test_null_comes_back_as_none_in_every_type(samples: TestDatabase) -> None:
    nulls = dict.fromkeys(list(ROW)[2:])
    stored = first(samples, sample(**nulls))
    assert stored is not None
    assert stored.model_dump(include=set(nulls)) == {**nulls, "document": None}


@pytest.mark.parametrize("text", ["", "%", "%%", "%s", "'", "\\", "\\'; --", "\N{SNOWMAN}\u202e\u200d", "a\nb\r\tc"])
def test_text_comes_back_character_for_character(samples: TestDatabase, text: str) -> None:
    stored = first(samples, sample(label=text, tags=[text]))
    assert stored is not None
    assert (stored.label, stored.tags) == (text, [text])


def test_rows_are_values_or_tuples_as_the_statement_says(samples: TestDatabase) -> None:
    @statement
    def pair(low: int) -> Select[int, str]:
        return select(func.generate_series(low, 3), literal("x"))

    @statement
    def single() -> SelectOfScalar[int]:
        return select(func.generate_series(1, 3))

    async def work(path: Database) -> tuple[Any, ...]:
        return await path.fetch_all(pair(2)), await path.fetch_all(single()), await path.fetch_one(single())

    assert on(samples.proxied_url, work) == ([(2, "x"), (3, "x")], [1, 2, 3], 1)


def test_a_row_can_hold_an_entity_and_the_same_column_again(samples: TestDatabase) -> None:
    @statement
    def labelled(sample_id: UUID, label: str) -> ReturningUpdate[Sample, str]:
        changed = update(Sample).where(col(Sample.id) == sample_id).values(label=label)
        return changed.returning(Sample, col(Sample.label))

    stored = first(samples, sample())
    assert stored is not None
    found = first(samples, labelled(stored.id, "new"))
    assert found is not None
    assert (found[0].model_dump(), found[1]) == ({**stored.model_dump(), "label": "new"}, "new")


def test_two_entities_in_a_row_keep_their_columns_apart(samples: TestDatabase) -> None:
    other = aliased(Sample)

    @statement
    def both(one: UUID, two: UUID) -> Select[Sample, Sample]:
        return select(Sample, other).where(col(Sample.id) == one, other.id == two)

    one, two = first(samples, sample(label="one")), first(samples, sample(label="two"))
    assert one is not None
    assert two is not None
    assert first(samples, both(one.id, two.id)) == (one, two)


def test_execute_says_how_many_rows_were_written(samples: TestDatabase) -> None:
    @statement
    def add(sample_id: UUID) -> Insert:
        return insert(Sample).values(id=sample_id, label="x", kept=1)

    assert on(samples.proxied_url, lambda path: path.execute(add(uuid4()))) == 1
    assert on(samples.proxied_url, lambda path: path.execute(remove_sample(uuid4()))) == 0


def test_constants_in_a_statement_are_adapted_as_values_are(samples: TestDatabase) -> None:
    @statement
    def constant() -> ReturningInsert[Sample]:
        return insert(Sample).values(**{**ROW, "id": UUID(int=1), "kept": 3, "counted": None}).returning(Sample)

    stored = first(samples, constant())
    assert stored is not None
    assert stored.model_dump() == {**ROW, "id": UUID(int=1), "kept": 3, "counted": None}


def test_a_default_that_is_made_in_python_must_be_given() -> None:
    @statement
    def forgetful() -> Insert:
        return insert(Sample).values(id=uuid4(), label="x")

    with pytest.raises(TypeError) as raised:
        forgetful()
    assert ": samples.kept: give its value" in str(raised.value)


def test_a_shape_is_compiled_once_and_its_values_are_not_part_of_it() -> None:
    built: list[bool] = []

    @statement
    def find(label: str, *, down: bool) -> SelectOfScalar[UUID]:
        built.append(down)
        order = col(Sample.label).desc() if down else col(Sample.label)
        return select(Sample.id).where(col(Sample.label) == label).order_by(order)

    queries = [find("a", down=True), find("b", down=True), find("a", down=False), find("c", down=False)]
    assert queries[0].statement is queries[1].statement
    assert queries[2].statement is queries[3].statement
    assert queries[0].statement is not queries[2].statement
    assert built == [True, False]
    assert [query.values for query in queries] == [{"p_label": name} for name in "abac"]


def test_a_statement_needs_all_its_values() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'sample_id'"):
        find_sample()  # type: ignore[call-arg]


def test_values_can_be_given_by_name_and_have_defaults(samples: TestDatabase) -> None:
    @statement
    def counted(low: int, high: int = 3, *, twice: bool = False) -> SelectOfScalar[int]:
        return select(func.generate_series(low, high, 2 if twice else 1))

    calls = counted(1), counted(low=1), counted(high=4, low=3), counted(1, twice=True), counted(1, 4, twice=False)

    async def work(path: Database) -> list[list[int]]:
        return [await path.fetch_all(query) for query in calls]

    assert on(samples.proxied_url, work) == [[1, 2, 3], [1, 2, 3], [3, 4], [1, 3], [1, 2, 3, 4]]


def test_what_chooses_a_variant_says_which_there_are() -> None:
    @statement
    def chosen(*, twice: bool, order: Literal["up", "down"]) -> SelectOfScalar[int]:
        return select(literal(1))

    assert len(list(chosen.variants())) == 4
    with pytest.raises(TypeError, match="fields: a keyword-only parameter chooses a variant; declare it bool or Lit"):

        @statement
        def anything(*, fields: frozenset[str]) -> SelectOfScalar[int]:
            return select(literal(1))


def test_three_columns_are_a_tuple_of_their_types(samples: TestDatabase) -> None:
    @statement
    def three() -> Select[int, str, bool]:
        return select(literal(1), literal("x"), literal(value=True))

    found: tuple[int, str, bool] | None = first(samples, three())
    assert found == (1, "x", True)


def test_a_union_gives_what_its_first_part_names(samples: TestDatabase) -> None:
    @statement
    def both(label: str, other: str) -> CompoundSelect[Sample]:
        parts = (select(Sample).where(col(Sample.label) == one) for one in (label, other))
        return union_all(*parts)

    made = [first(samples, sample(label=label)) for label in ("of a union", "of it too")]
    found = on(samples.proxied_url, lambda path: path.fetch_all(both("of a union", "of it too")))
    assert found == made
    assert both("a", "b").statement.reads


def test_a_wrong_statement_of_a_module_is_found_without_a_request(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the process starts, with the function, its file and its line."""
    text = "from core.database import statement\nfrom modules.tasks.models import Task\nfrom sqlmodel import select\n"
    (tmp_path / "careless.py").write_text(text + "\n\n@statement\ndef everybodys():\n    return select(Task)\n")
    monkeypatch.syspath_prepend(tmp_path)
    check()
    importlib.import_module("careless")
    try:
        with pytest.raises(UnscopedStatementError) as found:
            create_app(make_settings(database_url=database.url))
    finally:
        del CATALOGUE["careless.everybodys"]
    assert str(found.value) == (
        f"careless.everybodys ({tmp_path}/careless.py:6): A statement on tasks has no owner: "
        "add `user_id == OWNER` to its WHERE, or to an INSERT's values"
    )
    create_app(make_settings(database_url=database.url))


def test_what_is_printed_of_a_query_holds_no_value() -> None:
    assert "hunter2" not in repr(sample(label="hunter2"))


def test_a_table_without_a_schema_is_rejected_with_what_to_write_instead() -> None:
    """Its name would be looked for on the search path, where somebody else's may come first."""

    @statement
    def bare() -> SelectOfScalar[int]:
        return select(literal(1)).select_from(table("nowhere"))

    with pytest.raises(
        TypeError, match=r"nowhere: name a class of SQLModel or a Table; a bare table\(\) gets no schema"
    ):
        bare()


def test_a_statement_has_a_text_for_each_schema() -> None:
    texts = find_sample(uuid4()).statement.texts
    assert texts.keys() == {"todo", "public"}
    assert "FROM todo.samples" in texts["todo"]
    assert texts["public"] == texts["todo"].replace("todo.", "public.")


def test_in_is_rejected_with_what_to_write_instead(samples: TestDatabase) -> None:
    @statement
    def any_of(labels: list[str]) -> SelectOfScalar[int]:
        return select(func.count()).select_from(Sample).where(col(Sample.label) == any_(labels))  # type: ignore[arg-type]

    @statement
    def in_list(labels: list[str]) -> SelectOfScalar[UUID]:
        return select(Sample.id).where(col(Sample.label).in_(labels))

    with pytest.raises(TypeError, match=r"write `column == any_\(values\)`; in_\(\) has a text of its own"):
        in_list(["a"])
    assert first(samples, sample(label="any one")) is not None
    assert [first(samples, any_of(labels)) for labels in (["any one", "none"], [], ["none"])] == [1, 0, 0]


def test_a_limited_select_runs_once(samples: TestDatabase) -> None:
    some = select(col(Sample.id)).where(col(Sample.label) == "some").limit(1)
    with pytest.raises(TypeError, match=r"write `found_once\(column, rows\)`; in_\(\) of a SELECT"):
        on_the_spot(delete(Sample).where(col(Sample.id).in_(some)))
    for _ in range(2):
        first(samples, sample(label="some"))
    removed = delete(Sample).where(found_once(col(Sample.id), some)).returning(col(Sample.label))
    assert first(samples, on_the_spot(removed)) == "some"
    assert first(samples, on_the_spot(select(func.count()).where(col(Sample.label) == "some"))) == 1


def test_a_subquery_is_named_column_by_column() -> None:
    everything: Any = select(Sample).subquery()

    @statement
    def whole() -> SelectOfScalar[Sample]:
        found: SelectOfScalar[Sample] = select(everything)
        return found

    with pytest.raises(TypeError, match="name a subquery's columns one by one"):
        whole()


def test_only_a_select_that_writes_nothing_is_a_read() -> None:
    @statement
    def writing() -> SelectOfScalar[UUID]:
        return select(delete(Sample).returning(col(Sample.id)).cte("gone").c.id)

    assert find_sample(uuid4()).statement.reads
    assert not writing().statement.reads
    assert not sample().statement.reads
    assert not remove_sample(uuid4()).statement.reads


@statement
def own_task(task_id: UUID) -> SelectOfScalar[Task]:
    return select(Task).where(col(Task.user_id) == OWNER, col(Task.id) == task_id)


def test_a_statement_on_an_owned_table_runs_for_an_owner_only(samples: TestDatabase) -> None:
    query = own_task(uuid4())
    assert query.statement.owned
    assert not find_sample(uuid4()).statement.owned
    samples.proxy.clear()
    with pytest.raises(UnscopedStatementError, match="runs through an OwnedRepository only"):
        first(samples, query)
    assert samples.proxy.queries == []
    assert first(samples, query.for_owner("nobody")) is None
    assert query.values == {"p_task_id": query.values["p_task_id"]}, "the query itself belongs to nobody still"


def test_a_statement_without_its_owner_does_not_compile() -> None:
    @statement
    def everybody() -> SelectOfScalar[User]:
        return select(User)

    with pytest.raises(UnscopedStatementError, match="A statement on users has no owner: add `id == OWNER`"):
        everybody()


@statement
def _no_uuid() -> SelectOfScalar[UUID | None]:
    return select(cast(null(), Uuid))


def test_no_uuid_is_none(database: TestDatabase) -> None:
    assert on(database.url, lambda path: path.fetch_one(_no_uuid())) is None
