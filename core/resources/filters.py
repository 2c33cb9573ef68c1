"""What narrows a list: the SQL of each filter, and the value that it gets of what the client sent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, any_

from core.resources.schemas import InputModel

# Behind the name of a filter: the client sent several values.
SEVERAL = "_several"


@dataclass(frozen=True, slots=True)
class Filter:
    """`condition` makes SQL of a value, `value` makes that value of what the client sent.

    Where the client may send several values, `several` makes SQL of their list. One alone is `condition`'s: only `=`
    lets an index give its rows in order.
    """

    condition: Callable[[Any], ColumnElement[bool]]
    value: Callable[[Any], Any] = lambda sent: sent
    several: Callable[[Any], ColumnElement[bool]] | None = None


def one_of(column: Any) -> Filter:
    """The rows whose column has one of the values that the client sent."""
    return Filter(lambda value: column == value, several=lambda values: column == any_(values))


def containing(text: str) -> str:
    """A pattern of LIKE and ILIKE for whatever contains `text`, in which `%`, `_` and the backslash are characters."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


class Filters:
    """The filters of a list by their names, which are those of fields of its query."""

    def __init__(self, offered: Mapping[str, Filter]) -> None:
        self.offered = offered

    def chosen(self, query: InputModel) -> tuple[tuple[str, ...], list[Any]]:
        """The names of those that are set, and their values."""
        names, values = [], []
        for name, one in self.offered.items():
            sent = getattr(query, name)
            if sent is None or sent == []:
                continue
            if isinstance(sent, list) and len(sent) > 1:
                names.append(name + SEVERAL)
                values.append([one.value(each) for each in sent])
            else:
                names.append(name)
                values.append(one.value(sent[0] if isinstance(sent, list) else sent))
        return tuple(names), values

    def conditions(self, chosen: Mapping[str, Any]) -> Iterator[ColumnElement[bool]]:
        """The SQL of those that are chosen, by their names, each with its value."""
        for name, value in chosen.items():
            one = self.offered[name.removesuffix(SEVERAL)]
            several = one.several if name.endswith(SEVERAL) else one.condition
            assert several is not None, f"{name} takes one value"
            yield several(value)

    def variants(self) -> list[tuple[str, ...]]:
        """None of them, each alone, and all together."""
        several = [name + SEVERAL for name, one in self.offered.items() if one.several]
        alone = [(name,) for name in (*self.offered, *several)]
        return [(), *alone, *([tuple(self.offered)] if len(self.offered) > 1 else [])]
