"""Reads a plan of PostgreSQL: what in it costs more with every row that is added to a table."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Plan = dict[str, Any]

_SORTS = ("Sort", "Incremental Sort")
# A filter may find its rows by its own index and sort those: so many, and no more.
SORTED = 500


def complaints(plan: Plan, first: Mapping[str, str]) -> list[str]:
    """Whole tables, whole indexes and long sorts; `first` names the column that each index begins with.

    Without a condition on that one PostgreSQL walks all of the index, or skips through all of it.
    """
    found, grouped = [], sorts_for_groups(plan)
    for node in nodes(plan):
        kind, index = node["Node Type"], node.get("Index Name")
        if kind == "Seq Scan":
            found.append(f"reads all of {node['Relation Name']}: it needs an index")
        if index is not None and not re.search(rf"\({first[index]}\b", node.get("Index Cond", "")):
            found.append(f"walks all of {index}: it needs a condition on {first[index]}")
        if kind in _SORTS and node not in grouped and rows(node["Plans"][0]) > SORTED:
            found.append(
                f"sorts {rows(node['Plans'][0]):.0f} rows by {node['Sort Key']}: it needs an index in that order"
            )
    return found


def sorts_for_groups(plan: Plan) -> list[Plan]:
    """The sorts of what was counted or added up, and those of what is to be, as GROUP BY asks for.

    For these all rows are read that there are of an owner, and no order of an index would make them fewer.
    """
    found = []
    for node in nodes(plan):
        for below in node.get("Plans", []):
            if node["Node Type"] in _SORTS and below["Node Type"] == "Aggregate":
                found.append(node)
            if below["Node Type"] in _SORTS and node.get("Strategy") == "Sorted":
                found.append(below)
    return found


def nodes(plan: Plan) -> Iterator[Plan]:
    """A node and all below it."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows(node: Plan) -> float:
    """How many it gave, or would give."""
    return float(node["Actual Rows"] * node["Actual Loops"] if "Actual Rows" in node else node["Plan Rows"])


def visited(node: Plan) -> float:
    """How many it met, those that it threw away among them; of a plan that was run."""
    return float((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
