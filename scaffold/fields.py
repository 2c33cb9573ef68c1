"""The fields of a slice, as `make slice` takes them: `name:text80! archived:bool due_at:time? kind:enum(a,b)`."""

import keyword
import re
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS
from sqlmodel import SQLModel

from core.resources import ChangeTracked, ListQuery, OwnedTable, ReplaceModel, Versioned
from scaffold.rejection import RejectedError

GRAMMAR = (
    "write name:type, spaces between fields, with the type text80 (any length), bool, int, time or enum(a,b); behind "
    "it ! for what must be given and, as a text, not be empty, or ? for what may be null; a column of another type is "
    "added to the slice by hand (CONTRIBUTING.md)"
)
# A longer one is not indexed: an entry of an index has some 2,700 bytes, and a character up to four.
INDEXED = 200
LONGEST = 100_000

_FIELD = re.compile(r"(\w+):(text(\d+)|bool|int|time|enum\(([^()]*)\))([!?]?)", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SERVERS = {name for kind in (ChangeTracked, Versioned, OwnedTable) for name in kind.model_fields} | {"etag"}
_QUERYS = {*ListQuery.model_fields}
# What the classes of schemas.py are written with.
_TYPES = {"list", "str", "int", "bool"}


@dataclass(frozen=True)
class Field:
    """A column, and what a client may write into it. `kind` is text, bool, int, time or enum."""

    name: str
    kind: str
    length: int = 0
    values: tuple[str, ...] = ()
    required: bool = False
    nullable: bool = False

    @property
    def has_default(self) -> bool:
        """Whether a client may leave it out. There is no sensible time but none."""
        return self.nullable or not (self.required or self.kind == "time")

    @property
    def alias(self) -> str:
        """The name of its type on the wire."""
        return camel(self.name)

    @property
    def meaning(self) -> str:
        """The name of the sentence that says in the document what it is."""
        return f"_{self.name.upper()}"

    @property
    def constant(self) -> str:
        """The name of the length of a text."""
        return f"{self.name.upper()}_LENGTH"

    @property
    def is_sort(self) -> bool:
        """Whether lists can be sorted by it."""
        return self.kind in ("int", "time") or (self.kind == "text" and self.required and self.length <= INDEXED)

    @property
    def is_filter(self) -> bool:
        """Whether lists can be narrowed to some of its values."""
        short = self.kind == "text" and not self.required and self.length <= INDEXED
        return short or self.kind in ("bool", "enum")

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of the filters of a list that it has."""
        if self.kind == "time":
            return f"{self.stem}_before", f"{self.stem}_after"
        return (self.name,) if self.is_filter else ()

    @property
    def stem(self) -> str:
        """`due` of `due_at`, a time."""
        return self.name.removesuffix("_at") if self.kind == "time" else self.name


def parse(text: str) -> list[Field]:
    """The fields of a list with spaces between them. Raises RejectedError for the first that cannot be one."""
    fields = [_parsed(part) for part in re.sub(r",\s+", ",", text).split()]
    if not fields:
        raise RejectedError(f'A slice needs a field, as in fields="title:text80! done:bool". Of each field {GRAMMAR}.')
    taken: set[str] = set()
    for field in fields:
        for name in {field.name, *field.filters, field.stem}:
            if name in taken:
                raise RejectedError(f"Two fields or filters would be called `{name}`: take another name for one.")
            taken.add(name)
    return fields


def camel(name: str) -> str:
    """`ShoppingItem` of `shopping_item`."""
    return "".join(part.capitalize() for part in name.split("_"))


def _parsed(part: str) -> Field:
    match = _FIELD.fullmatch(part)
    if match is None:
        raise RejectedError(f"`{part}` is no field: {GRAMMAR}.")
    name, kind, length, values, mark = match.groups()
    if reason := _reason_against(name):
        raise RejectedError(f"A field cannot be called `{name}`: {reason}.")
    field = Field(
        name,
        re.sub(r"\W.*|\d+", "", kind),
        int(length or 0),
        tuple((values or "").split(",")) if kind.startswith("enum") else (),
        required=mark == "!",
        nullable=mark == "?",
    )
    if reason := _reason_against_type(field):
        raise RejectedError(f"`{part}` cannot be: {reason}.")
    return field


def _reason_against(name: str) -> str | None:
    if not _NAME.fullmatch(name) or len(name) > 25:
        return "write up to 25 small letters, digits and single underscores, and a letter first"
    if keyword.iskeyword(name) or name in _TYPES:
        return "Python keeps that word for itself"
    if name in _SERVERS:
        return "the server writes that by itself"
    if name in _QUERYS:
        return "each list takes a parameter of that name"
    if any(hasattr(kind, name) for kind in (SQLModel, BaseModel, ReplaceModel)) or name.startswith("model_"):
        return "SQLModel and pydantic have something of that name"
    # The constraints and indexes name their columns in SQL.
    return "SQL keeps that word for itself" if name in RESERVED_WORDS else None


def _reason_against_type(field: Field) -> str | None:
    if field.kind == "text" and not 1 <= field.length <= LONGEST:
        return f"a text has a length from 1 to {LONGEST:,}, as in text80"
    if field.kind == "enum":
        if len(set(field.values)) < max(2, len(field.values)):
            return "an enum has two different values or more"
        if not all(_NAME.fullmatch(value) for value in field.values):
            return "the values of an enum are small letters, digits and single underscores, and a letter first"
        if any(len(value) > 40 for value in field.values):
            return "a value of an enum has up to 40 letters"
    return None
