"""Every statement, in a database of some size, finds its rows by an index, and sorts no more than a page or so."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from sqlmodel import select
from sqlmodel.sql.expression import Select

from core.database import prepared_statements, psycopg2_setup
from core.database.prepared_statements import PLAN_ONCE
from core.database.queries import SCHEMA
from core.database.statements import statement
from tests.architecture import big_tables, catalogue
from tests.architecture.big_tables import BIG, SMALL, SMALL_TASKS, VALUES
from tests.architecture.catalogue import COUNT, PAGE, Case
from tests.architecture.plans import SORTED, Plan, complaints, nodes, visited
from tests.conftest import SEARCH_PATH, TestDatabase

pytestmark = pytest.mark.slow

TASKS_CHANGES = "modules.tasks.repository.Task.changes"
# The only reads of a whole table: by which statement, of which table, and why.
EXCEPTIONS = {
    "core.database.compatibility.oldest_release": ("schema_compatibility", "it has one row"),
    "core.database.table_schema.revision": ("alembic_version", "it has one row"),
    TASKS_CHANGES: ("sync_history", "it has one row"),
    "modules.auth.repository._sweep_throttles": ("sign_in_throttles", "it ends at the twentieth row that is settled"),
}
COUNTS = "modules.tasks.repository.Task.counts"
# What is about all rows of an owner, or about the first that are met, so that for the greatest one the table is read.
READ_ALL = {"modules.users.repository._remove", "modules.tasks.repository.Task.chosen"}
LONG_AGO = datetime(2026, 1, 2, tzinfo=UTC)
_FIRST_COLUMNS = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true) FROM pg_index"
# Counts the scans of a transaction, also those of foreign keys, whose plans are not shown.
_SCANNED = "SELECT relname, seq_scan FROM pg_stat_xact_user_tables"


class Explainer:
    """Plans statements, and runs those that are cheap, each in a transaction that is rolled back."""

    def __init__(self, url: str) -> None:
        psycopg2_setup.prepare()
        self._connection = psycopg2.connect(url, options=SEARCH_PATH)
        self.cursor = self._connection.cursor()
        self.cursor.execute(_FIRST_COLUMNS)
        self._first = dict(self.cursor.fetchall())

    def wrong(self, sql: str, values: dict[str, Any] | None = None, *, run: bool = False) -> set[str]:
        """What there is to complain of."""
        before = self._scans()
        try:
            plan = self.plan(sql, values, run=run)
            after = self._scans()
        finally:
            self._connection.rollback()
        scanned = {f"reads all of {table}: it needs an index" for table in after if after[table] > before.get(table, 0)}
        return {*complaints(plan, self._first), *scanned}

    def plan(self, sql: str, values: dict[str, Any] | None = None, *, run: bool = False) -> Plan:
        """Leaves the transaction open."""
        self.cursor.execute(f"EXPLAIN ({'ANALYZE, ' if run else ''}FORMAT JSON) {sql}", values)
        plan: Plan = self.cursor.fetchone()[0][0]["Plan"]  # type: ignore[index]
        return plan

    def rollback(self) -> None:
        """Undoes what was run."""
        self._connection.rollback()

    def close(self) -> None:
        """Gives its connection back."""
        self._connection.close()

    def _scans(self) -> dict[str, int]:
        self.cursor.execute(_SCANNED)
        return dict(self.cursor.fetchall())


@pytest.fixture(scope="module")
def explainer(make_database: Callable[[], TestDatabase]) -> Iterator[Explainer]:
    url = make_database().url
    big_tables.fill(url)
    explainer = Explainer(url)
    yield explainer
    explainer.close()


def _reads_the_table_rightly(case: Case) -> bool:
    """Who owns a third of a table and searches it (DECISIONS.md, 11) or leaves. For everybody else it is an index."""
    searches = case.name in {COUNT, COUNTS, PAGE} and "q" in case.filters
    return case.owner == BIG and (searches or case.name in READ_ALL)


def _wrong(explainer: Explainer, case: Case) -> set[str]:
    # What is attached has to be there for each of the owners, or the foreign keys reject it.
    run = len(case.filters) <= 1 and not case.name.endswith(".attach")
    return explainer.wrong(case.query.statement.texts[SCHEMA], case.query.values, run=run)


def test_every_statement_finds_its_rows_by_an_index(explainer: Explainer) -> None:
    """Where this is red for a new statement: it needs an index, or a line in EXCEPTIONS with a reason."""
    wrong = []
    for case in catalogue.cases(every=True):
        known = TASKS_CHANGES if case.name.endswith(".changes") else case.name  # the feeds of all slices are one
        excused = {f"reads all of {EXCEPTIONS[known][0]}: it needs an index"} if known in EXCEPTIONS else set()
        if not _reads_the_table_rightly(case) and (found := _wrong(explainer, case) - excused):
            wrong.append(f"{case} {', '.join(sorted(found))}")
    assert not wrong, "\n".join(wrong)


def _by_one_plan(explainer: Explainer, case: Case) -> Plan:
    """The plan of a prepared statement, which knows no values, as it runs with these."""
    statement, values = case.query.statement, case.query.values
    text = (statement.one_column or statement.texts)[SCHEMA]
    found = prepared_statements.prepared(text, statement.constants, values)
    assert found is not None, case
    explainer.cursor.execute(PLAN_ONCE + found.prepare.partition("; EXECUTE")[0], values)
    explainer.cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {found.execute}", values)
    plan: Plan = explainer.cursor.fetchone()[0][0]["Plan"]  # type: ignore[index]
    explainer.cursor.execute(f"DEALLOCATE {found.name}")
    explainer.rollback()
    return plan


def _reads_too_much(plan: Plan) -> bool:
    """More than the rows of a page, of each of the tables that it is merged from."""
    most: int = VALUES["limit"] + 1
    return max(visited(node) for node in nodes(plan)) > 2 * most


def test_one_plan_of_a_prepared_statement_serves_every_owner(explainer: Explainer) -> None:
    """Where this is red for a new statement: take @prepared from it."""
    found = [case for case in catalogue.cases() if case.query.statement.prepared is not None]
    assert {case.name.rpartition(".")[2] for case in found} >= {"find", "create", "change", "remove", "page"}
    assert [str(case) for case in found if _reads_too_much(_by_one_plan(explainer, case))] == []


def test_a_filtered_list_is_not_prepared_and_must_not_be(explainer: Explainer) -> None:
    searches = [case for case in catalogue.cases(PAGE) if case.filters and case.owner == BIG]
    assert [str(case) for case in searches if case.query.statement.prepared is not None] == []
    assert any(_reads_too_much(_by_one_plan(explainer, case)) for case in searches)


def test_what_is_mended_is_no_exception_any_more(explainer: Explainer) -> None:
    assert {case.name for case in catalogue.cases(*EXCEPTIONS) if _wrong(explainer, case)} == set(EXCEPTIONS)


def test_a_search_reads_the_rows_of_its_owner_alone(explainer: Explainer) -> None:
    """It has no index of its own, so this is its bound."""
    searches = [
        case for case in catalogue.cases(PAGE, COUNT, every=True) if case.filters == {"q"} and case.owner == SMALL
    ]
    assert len(searches) == 17  # a count, and the sorts either way, with a cursor and without
    for case in searches:
        plan = explainer.plan(case.query.statement.texts[SCHEMA], case.query.values, run=True)
        assert max(visited(node) for node in nodes(plan)) <= SMALL_TASKS, (str(case), plan)


def test_counts_by_kind_read_an_index_and_no_row(explainer: Explainer) -> None:
    """But for a search, and for the few rows on whose pages tests before this one have written."""
    cases = [case for case in catalogue.cases(COUNTS) if case.owner == BIG and "q" not in case.filters]
    assert len(cases) >= 5
    for case in cases:
        # Long ago: what few rows were changed since has an index of its own.
        values = {name: LONG_AGO if name.endswith("updated_since") else one for name, one in case.query.values.items()}
        plan = explainer.plan(case.query.statement.texts[SCHEMA], values, run=True)
        explainer.rollback()
        (scan,) = (node for node in nodes(plan) if "Scan" in node["Node Type"])
        assert (scan["Node Type"], scan["Index Name"]) == ("Index Only Scan", "ix_tasks_counts"), (str(case), scan)
        assert scan["Heap Fetches"] < 1_000, str(case)


def test_who_adds_a_statement_is_told_what_to_do() -> None:
    @statement
    def new(user_id: str, hue: str) -> Select[str, str]:
        return select(user_id, hue)

    with pytest.raises(AssertionError, match=r"new is new: give \['user_id', 'hue'\] a value"):
        catalogue.values(new, {})


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT * FROM tasks WHERE title = 'x'", "reads all of tasks"),
        ("SELECT * FROM users WHERE email = 'x'", "reads all of users"),
        ("DELETE FROM local_sessions WHERE expires_at < now()", "reads all of local_sessions"),
        ("SELECT * FROM users ORDER BY id LIMIT 50", "walks all of pk_users"),
        ("UPDATE tasks SET version = 2 WHERE id = '00000000-0000-0000-0000-000000000001'", "walks all of pk_tasks"),
        ("SELECT * FROM tasks WHERE user_id = 'big' ORDER BY completed_at LIMIT 50", "rows by ['completed_at'"),
    ],
)
def test_a_bad_statement_is_complained_of(explainer: Explainer, sql: str, complaint: str, run: bool) -> None:
    wrong = explainer.wrong(sql, run=run)
    assert any(complaint in one for one in wrong), wrong


def test_a_scan_on_behalf_of_a_foreign_key_is_seen(explainer: Explainer) -> None:
    """It is in no plan: whoever deletes a user has every table looked through that refers to users."""
    remove = "DELETE FROM users WHERE id = 'user100'"
    assert explainer.wrong(remove, run=True) == set()
    explainer.cursor.execute("DROP INDEX ix_local_sessions_user_id")  # until it is rolled back
    assert explainer.wrong(remove, run=True) == {"reads all of local_sessions: it needs an index"}


def test_a_short_sort_is_none_to_complain_of() -> None:
    few: Plan = {"Node Type": "Sort", "Sort Key": ["id"], "Plans": [{"Node Type": "Result", "Plan Rows": SORTED}]}
    assert complaints(few, {}) == []
    few["Plans"][0]["Plan Rows"] += 1
    assert complaints(few, {}) == [f"sorts {SORTED + 1} rows by ['id']: it needs an index in that order"]
