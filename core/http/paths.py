"""Which operation a request's path and method mean: found in one look, however many slices there are."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, Never, TypeVar

from starlette.types import Scope

T = TypeVar("T")


class _Shape(NamedTuple, Generic[T]):
    """Paths with parameters at the same places: what takes the values of these, and what is fixed, out of a path's
    segments; and by what is fixed, the parameters' names and an operation for each method."""

    values_of: Callable[[list[str]], Sequence[str]]
    fixed_of: Callable[[list[str]], Hashable]
    paths: dict[Hashable, tuple[Sequence[str], Mapping[str, T]]]
    places: list[int]
    templates: list[str]


_NONE: tuple[Sequence[str], Mapping[str, Never]] = (), {}


class Paths(Generic[T]):
    """A table of paths whose segments are fixed, or one parameter each. Of several that fit, the first added is it."""

    def __init__(self) -> None:
        # By the number of segments.
        self._shapes: dict[int, list[_Shape[T]]] = {}

    def add(self, template: str, operations: Mapping[str, T]) -> None:
        """Adds a path with an operation for each method."""
        segments = template.split("/")
        places = [place for place, one in enumerate(segments) if one.startswith("{")]
        shapes = self._shapes.setdefault(len(segments), [])
        # To be looked at behind each path before it that the same request could mean.
        behind = max((number + 1 for number, one in enumerate(shapes) if _overlaps(one, template)), default=0)
        shape = next((one for one in shapes[behind:] if one.places == places), None)
        if shape is None:
            fixed_of = itemgetter(*(place for place in range(len(segments)) if place not in places))
            shape = _Shape(_values_at(places), fixed_of, {}, places, [])
            shapes.append(shape)
        shape.paths[shape.fixed_of(segments)] = [segments[place][1:-1] for place in places], operations
        shape.templates.append(template)

    def find(self, scope: Scope) -> T | None:
        """The operation that a request is for, whose scope gets the parameters' values; None where there is none."""
        segments = scope["path"].split("/")
        method: str = scope["method"]
        for values_of, fixed_of, paths, _, _ in self._shapes.get(len(segments), ()):
            names, operations = paths.get(fixed_of(segments), _NONE)
            if method in operations:
                values = values_of(segments)
                if "" not in values:
                    scope["path_params"] = dict(zip(names, values, strict=True))
                    return operations[method]
        return None


def overlap(one: str, other: str) -> bool:
    """Whether two templates could be those of one request; the first may have a parameter that is several segments."""
    ours, theirs = one.split("/"), other.split("/")
    for our, their in zip(ours, theirs, strict=False):
        if ":path}" in our:
            return True
        if our != their and "{" not in our + their:
            return False
    return len(ours) == len(theirs)


def fixed_before(templates: Iterable[str]) -> dict[str, list[str]]:
    """Of each template those before it that are the same but for something fixed in the place of one parameter: what
    is a path of its own is no value of the parameter, for no method."""
    found: dict[str, list[str]] = {}
    # By what each would be with a parameter in place of something fixed.
    widened: dict[tuple[str, ...], list[str]] = {}
    for template in dict.fromkeys(templates):
        segments = ["{}" if "{" in one else one for one in template.split("/")]
        found[template] = widened.get(tuple(segments), [])
        for place, one in enumerate(segments):
            if one != "{}":
                widened.setdefault((*segments[:place], "{}", *segments[place + 1 :]), []).append(template)
    return found


def _overlaps(shape: _Shape[T], template: str) -> bool:
    return any(overlap(one, template) for one in shape.templates)


def _values_at(places: list[int]) -> Callable[[list[str]], Sequence[str]]:
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))
