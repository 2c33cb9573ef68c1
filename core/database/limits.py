"""LIMITs that hold, and that mislead PostgreSQL's planner nowhere, whatever it thinks that an owner has."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, cast, func, select


def found_once(column: Any, rows: Any) -> Any:
    """The condition that `column` is among the values of `rows`, a SELECT of one column, which runs once.

    Its LIMIT holds, which it does not in `column IN (SELECT … LIMIT …)`: PostgreSQL may run that anew for each row that
    it looks at (a nested loop), and with FOR UPDATE each run finds other rows than the last.
    """
    return column == any_(func.array(rows.scalar_subquery(), type_=ARRAY(column.type)))


def unseen(limit: Any) -> Any:
    """The LIMIT of a page, whose value PostgreSQL's planner does not see.

    It expects a tenth of the rows, and walks an index in the order of the page. Of an owner who it thinks has fewer
    rows than a page it would rather find and sort all: where it is wrong, for 50,000, in a thousand times the time.
    """
    return select(cast(limit, BigInteger)).scalar_subquery()
