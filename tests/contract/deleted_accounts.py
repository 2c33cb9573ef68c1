"""Whether an operation still serves somebody whose account was deleted: only what sends no SQL cannot see that."""

from collections.abc import Iterator, Mapping

from tests.conftest import TestDatabase, UserClient, assert_problem
from tests.contract.operations import Operation

_SERVED = "serves somebody whose account was deleted"
_SENDS_NONE = "as it sends no SQL: where that is meant, its name belongs in WITHOUT_SQL of tests/contract/test_walls.py"
_ALWAYS_A_ROW = (
    "as its SQL gives a row where the owner has none, and only no row leads to a look at the account: group a sum or a "
    "count by the owner, `.group_by(col(Label.user_id))`, and take `await self._one(…) or 0`"
)
_TOGETHER = (
    "as a transaction does not look at the account: read the row before `_together`, "
    "`if await self.get(row_id) is None: return None`"
)
_SENDS_SQL = "sends SQL: take its name out of WITHOUT_SQL of tests/contract/test_walls.py"


def alive(
    deleted: UserClient, database: TestDatabase, operation: Operation, ids: Mapping[str, str], *, sends_sql: bool
) -> Iterator[str]:
    """A sentence for each way in which the operation is not what the lists of test_walls.py say of it."""
    for user_id in (deleted.user_id, "me"):
        database.proxy.clear()
        response = deleted.request(**operation.request(user_id, **ids))
        if response.status_code == 401:
            assert_problem(response, 401, "account_deleted")
        elif sends_sql:
            reason = _reason(database.proxy.queries)
            yield f"{operation.id} ({response.status_code}) {_SERVED}, {reason}"
        if not sends_sql and database.proxy.queries:
            yield f"{operation.id} {_SENDS_SQL}"


def _reason(queries: list[str]) -> str:
    if any(query.startswith("BEGIN") for query in queries):
        return _TOGETHER
    return _ALWAYS_A_ROW if queries else _SENDS_NONE
