"""Nobody overwrites what they have not seen: strong entity tags of a version and its owner (RFC 9110, section 13).

The owner is in the tag because several people read at one address, `/users/me` among others: without it the tag that
one of them got would be the tag of all, and 304 would give them what a cache keeps of somebody else. The schema of the
response is in it because a release that adds a field gives another representation of the same version.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter

from core.problems import FieldCode, FieldError, FieldParams, Problem, ProblemError

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
PATTERN = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'  # for the document
# Empty elements are to be taken (RFC 9110, section 5.6.1.2), and come of lists that were put together.
_LIST = re.compile(rf"[\s,]*{_TAG}(?:\s*,[\s,]*{_TAG})*[\s,]*")
# Of a version, or of the number of an owner's changes: `"7-<owner>.<schema>"`.
_OURS = re.compile(r'"(0|[1-9]\d{0,17})(?:-([\w-]*)(?:\.([0-9a-f]{8}))?)?"', re.ASCII)

# The field of a schema that has the row's tag, so that whoever has the row can change it.
ETag = Annotated[str, Field(description="The entity tag of this version, as `If-Match` takes it.")]


class Tags:
    """The entity tags of the responses of one operation, by the schema of what it gives."""

    def __init__(self, schema: Any) -> None:
        """`schema` is the class of the response, None where there is no content."""
        self._schema = schema
        self._row = _row_schema(schema)
        # Whether the rows of the response have their tag in a field.
        self.in_rows = "etag" in _fields(self._row)

    @cached_property
    def schema(self) -> str | None:
        """What stands for the schema of the whole response; None where there is none."""
        return None if self._schema is None else _hashed(self._schema)

    def of_row(self, owner: str) -> str:
        """What follows the version in the tag of a row; `owner` is Principal.tag, empty where everybody may read it."""
        return f"-{owner}{self._row_ending}"

    def of(self, number: int, owner: str) -> str:
        """The tag of the whole response."""
        return f'"{number}-{owner}{self._ending}'

    @cached_property
    def _ending(self) -> str:
        return f'.{self.schema}"' if self.schema else '"'

    @cached_property
    def _row_ending(self) -> str:
        return '"' if self._row is None else f'.{_hashed(self._row)}"'


@dataclass(frozen=True, slots=True)
class Conditions:
    """What If-Match and If-None-Match of a request mean to a repository."""

    # The versions that may be written; None for any.
    versions: list[int] | None = None
    # A row is made where there is none, and nothing else is done.
    absent: bool = False
    # The numbers of changes at which the client has the list.
    known: Sequence[int] = ()


NONE = Conditions()


class UnchangedError(Exception):
    """The client has the list as it is: 304."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StaleError(ProblemError):
    """The 412 of a row that has moved on; its tag tells the client what there is now."""

    def __init__(self, version: int, told: str = "The resource has changed since you read it. Read it again.") -> None:
        super().__init__(Problem.PRECONDITION_FAILED, told)
        self.version = version


class ExistsError(StaleError):
    """The 412 of a PUT with `If-None-Match: *` on what is there. It is final: sent again later, it makes nothing."""

    def __init__(self, row_id: UUID, version: int) -> None:
        super().__init__(version, "There is one under this id already. Read it, or choose another id.")
        self.row_id = row_id


def expected_versions(if_match: list[str], owner: str) -> list[int] | None:
    """The versions that an If-Match allows, None for any. Raises ProblemError 400.

    A weak tag never matches, nor does another owner's. A version without an owner does: the row is looked for among
    the owner's alone.
    """
    tags = _tags(if_match, "if-match")
    if tags is None or "*" in tags:
        return None
    ours = [match for item in tags if (match := _OURS.fullmatch(item))]
    return [int(match[1]) for match in ours if match[2] in (None, owner)]


def known_numbers(if_none_match: list[str], owner: str, schema: str | None) -> list[int]:
    """The numbers of a list's tags that the client has. Raises ProblemError 400."""
    tags = [item.removeprefix("W/") for item in _tags(if_none_match, "if-none-match") or []]
    ours = [match for item in tags if (match := _OURS.fullmatch(item))]
    return [int(match[1]) for match in ours if match[2] == owner and match[3] == schema]


def is_unchanged(if_none_match: list[str], etag: str) -> bool:
    """Whether one of the client's tags is this one, by weak comparison (RFC 9110, 13.1.2). Raises ProblemError 400."""
    tags = _tags(if_none_match, "if-none-match") or []
    return "*" in tags or etag in [item.removeprefix("W/") for item in tags]


def conditions_of_write(if_match: list[str], if_none_match: list[str], owner: str, *, puts: bool) -> Conditions:
    """What a write is bound to. Raises ProblemError 400.

    If-None-Match means "only if there is no such row": `*` alone does, and only where a PUT can make one (`puts`).
    """
    if not if_none_match:
        return Conditions(expected_versions(if_match, owner))
    if puts and not if_match and [line.strip() for line in if_none_match] == ["*"]:
        return Conditions(absent=True)
    message = "Must be * alone, with a PUT that makes a new resource; If-Match says which version to change"
    raise malformed("if-none-match", message)


def explained(error: StaleError, if_match: list[str], owner: str) -> ProblemError:
    """A 412 as it is; or the one of a client that could read the row as often as it likes: its tags are none of ours.

    Who compresses on the way has other bytes, and so makes the tag a weak one (nginx, HAProxy, CDNs) or puts something
    behind it that is not known here (Caddy's `-zstd`); neither matches (RFC 9110, section 13.1.1).
    """
    if not any(_is_altered(item, owner) for item in _read(", ".join(if_match))):
        return error
    detail = (
        "If-Match has a tag as this API gives none: something on the way, such as a proxy that compresses, weakened it "
        "(W/) or added to it. Switch that off for this API, or send the tag without W/ and without the addition."
    )
    return ProblemError(Problem.ENTITY_TAG_ALTERED, detail)


def _is_altered(item: str, owner: str) -> bool:
    version, _, rest = item.strip('"').partition("-")
    added = version.isdecimal() and version[0] != "0" and rest.startswith(owner) and not _OURS.fullmatch(item)
    return item.startswith("W/") or added


def _tags(lines: list[str], header: str) -> list[str] | None:
    """None without the header. One that is there and empty is malformed: it was meant to hold back a write."""
    if not lines:
        return None
    value = ", ".join(lines)
    if value.strip() == "*":
        return ["*"]
    if not _LIST.fullmatch(value):
        raise malformed(header, "Must be entity tags with their quotes, as ETag has them, or *")
    return _read(value)


def _read(value: str) -> list[str]:
    """The tags as they are uncompressed: core.http.compression puts `-gzip` at their end, and so does Apache."""
    return [re.sub(r'-gzip"$', '"', item) for item in re.findall(_TAG, value)]


def malformed(header: str, message: str) -> ProblemError:
    """What a request is told whose precondition cannot be."""
    params = FieldParams(expected="entity-tag")
    error = FieldError(pointer=f"/header/{header}", message=message, code=FieldCode.MALFORMED, params=params)
    return ProblemError(Problem.VALIDATION_FAILED, "A precondition is malformed.", errors=[error])


def _row_schema(schema: Any) -> Any:
    """The class of a row in the response: of a page or a list that of its items, else that of the response itself."""
    rows = items.annotation if (items := _fields(schema).get("items")) else schema
    return get_args(rows)[0] if get_origin(rows) is list else rows


def _fields(schema: Any) -> Mapping[str, Any]:
    return schema.model_fields if isinstance(schema, type) and issubclass(schema, BaseModel) else {}


@lru_cache(None)
def _hashed(schema: Any) -> str:
    made = TypeAdapter(schema).json_schema(mode="serialization")
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:8]
