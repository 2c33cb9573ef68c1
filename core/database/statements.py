"""SQL statements that are written on SQLModel tables, compiled once, and run as text."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any, Generic, Literal, ParamSpec, TypeVar, get_args, get_origin, overload

from sqlalchemy import SelectBase, bindparam
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import TypedReturnsRows

from core.database.ownership import UnscopedStatementError
from core.database.queries import Compiled, Query, compile_statement, prepared_form

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
V = TypeVar("V")
Variant = Mapping[str, Any]

# A list has one variant for each combination of its filters; beyond this they are compiled anew.
VARIANTS_KEPT = 512


class Statement(Generic[P, T_co]):
    """SQL with a name, named values and declared variants; each variant is compiled once, when it is first needed.

    Calling it gives a Query at the cost of a dict. Those of modules are in CATALOGUE.
    """

    def __init__(
        self,
        name: str,
        place: str,
        build: Callable[..., tuple[Any, tuple[str, ...]]],
        variants: Callable[[], Iterable[Variant]],
        signature: inspect.Signature | None = None,
    ) -> None:
        """`build` gives the SQL of a variant, and the names of its bound parameters in the order of the values.

        `place` is the file and line to look at. `signature` arranges values that are given by name, and defaults.
        """
        self.name, self.place, self.variants = name, place, variants
        self._build, self._signature = build, signature
        self._values = len(_names(signature)) if signature else 0
        self.prepares = False
        self.compiled = lru_cache(VARIANTS_KEPT)(self._compiled)
        if "<locals>" not in name:  # made once, and there for good
            CATALOGUE[name] = self

    def __call__(self, *values: P.args, **variant: P.kwargs) -> Query[T_co]:
        """The query with these values."""
        if self._signature and len(values) < self._values:
            given = self._signature.bind(*values, **variant)
            given.apply_defaults()
            values, variant = given.args, given.kwargs  # type: ignore[assignment]
        compiled = self.compiled(**variant)  # type: ignore[arg-type]
        named = dict(zip(compiled.names, values, strict=True))
        for name, adapt in compiled.adapters.items():
            named[name] = adapt(named[name])
        return Query(compiled, {**compiled.constants, **named} if compiled.constants else named)

    def _compiled(self, **variant: Any) -> Compiled[T_co]:
        try:
            source, names = self._build(**variant)
            compiled = compile_statement(source, names)
        except (TypeError, UnscopedStatementError) as error:
            raise type(error)(f"{self.name} ({self.place}): {error}") from error
        compiled = replace(compiled, name=self.name)
        # Which index serves a filter best, its value says.
        plans_once = self.prepares and not variant.get("filters")
        return prepared_form(compiled, source) if plans_once else compiled


# Every statement of a module, by its name: they are looked at when the process starts, and in tests.
CATALOGUE: dict[str, Statement[..., Any]] = {}


@overload
def statement(build: Callable[P, TypedReturnsRows[T]]) -> Statement[P, T]: ...
@overload
def statement(build: Callable[P, TypedReturnsRows[T, U]]) -> Statement[P, tuple[T, U]]: ...
@overload
def statement(build: Callable[P, TypedReturnsRows[T, U, V]]) -> Statement[P, tuple[T, U, V]]: ...
@overload
def statement(build: Callable[P, SelectBase | UpdateBase]) -> Statement[P, Any]: ...
def statement(build: Callable[P, Any]) -> Statement[P, Any]:
    """Makes a Statement of a function that returns SQLAlchemy's.

    The function runs once for each variant. Positional parameters are values: inside, they are bound parameters of
    SQL, to be used in expressions and never tested. Keyword-only parameters choose the variant: inside, they are real
    values; they are declared `bool` or Literal, so that all variants are known. A statement on an owned table must
    compare its owner column with `OWNER`, or compiling it raises UnscopedStatementError.
    """
    signature = inspect.signature(build)
    names = _names(signature)
    chosen = {one.name: _choices(one) for one in signature.parameters.values() if one.kind is one.KEYWORD_ONLY}
    code = inspect.unwrap(build).__code__

    def built(**variant: Any) -> tuple[Any, tuple[str, ...]]:
        return build(*map(bindparam, names), **variant), names  # type: ignore[arg-type]

    return Statement(
        f"{build.__module__}.{build.__qualname__}",
        f"{code.co_filename}:{code.co_firstlineno}",
        built,
        lambda: (dict(zip(chosen, values, strict=True)) for values in product(*chosen.values())),
        signature,
    )


def prepared(one: Statement[P, T_co]) -> Statement[P, T_co]:
    """`one`, prepared on each connection: parsed and planned once, and then run in half of PostgreSQL's time.

    Its plan must suit every owner and every value: rows found by a whole key, or walked in the order of an index.
    """
    one.prepares = True
    return one


def check() -> None:
    """Compiles every statement in its variants. The first wrong one raises, with its name, file and line."""
    for one in list(CATALOGUE.values()):
        for variant in one.variants():
            one.compiled(**variant)


def _names(signature: inspect.Signature) -> tuple[str, ...]:
    """Prefixed, because SQLAlchemy keeps the names of columns for itself in VALUES and SET."""
    return tuple(f"p_{one.name}" for one in signature.parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD)


def _choices(parameter: inspect.Parameter) -> tuple[Any, ...]:
    declared = parameter.annotation
    if declared is bool:
        return (True, False)
    if get_origin(declared) is Literal:
        return get_args(declared)
    raise TypeError(f"{parameter.name}: a keyword-only parameter chooses a variant; declare it bool or Literal")
