"""Nobody overwrites what they have not seen: strong entity tags of a row's version and owner (RFC 9110, section 13).

The owner is in the tag because several people read at one address, `/users/me` among others: without it the tag that
one of them got would be the tag of all, and 304 would give them what a cache keeps of somebody else.
"""

import re

from core.problems import FieldError, Problem, ProblemError

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# Empty elements are to be taken (RFC 9110, section 5.6.1.2), and come of lists that were put together.
_LIST = re.compile(rf"[\s,]*{_TAG}(?:\s*,[\s,]*{_TAG})*[\s,]*")
_OURS = re.compile(r'"([1-9]\d{0,17})(?:-([\w-]+))?"', re.ASCII)


def tag(version: int, owner: str | None) -> str:
    """The strong entity tag of a row; `owner` is Principal.tag, None for a row that is the same for everybody."""
    return f'"{version}"' if owner is None else f'"{version}-{owner}"'


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


def is_unchanged(if_none_match: list[str], etag: str) -> bool:
    """Whether one of the client's tags is this one, by weak comparison (RFC 9110, 13.1.2). Raises ProblemError 400."""
    tags = _tags(if_none_match, "if-none-match") or []
    return "*" in tags or etag in [item.removeprefix("W/") for item in tags]


def reject_if_none_match(lines: list[str]) -> None:
    """Rejects If-None-Match on a write, where it means "only if there is no such row". Raises ProblemError 400."""
    if lines:
        raise _malformed("if-none-match", "Must not be sent with a write; If-Match says which version to change")


def stale(version: int, owner: str) -> ProblemError:
    """The 412 of a row that has moved on; its tag tells the client what there is now."""
    detail = "The resource has changed since you read it. Read it again."
    return ProblemError(Problem.PRECONDITION_FAILED, detail, headers={"ETag": tag(version, owner)})


def explained(error: ProblemError, if_match: list[str]) -> ProblemError:
    """A 412 as it is; or the one of a client that could read the row as often as it likes: its tags are none of ours.

    Who compresses on the way has other bytes, and so makes the tag a weak one (nginx, HAProxy, CDNs) or puts something
    behind it that is not known here (Caddy's `-zstd`); neither matches (RFC 9110, section 13.1.1).
    """
    if error.problem is not Problem.PRECONDITION_FAILED:
        return error
    current = _OURS.fullmatch(error.headers.get("ETag", ""))
    longer = f"-{current[2]}-" if current else None
    if not any(item.startswith("W/") or (longer and longer in item) for item in _read(", ".join(if_match))):
        return error
    detail = (
        "If-Match has a tag as this API gives none: something on the way, such as a proxy that compresses, weakened it "
        "(W/) or added to it. Switch that off for this API, or send the tag without W/ and without the addition."
    )
    return ProblemError(Problem.ENTITY_TAG_ALTERED, detail, headers=error.headers)


def _tags(lines: list[str], header: str) -> list[str] | None:
    """None without the header. One that is there and empty is malformed: it was meant to hold back a write."""
    if not lines:
        return None
    value = ", ".join(lines)
    if value.strip() == "*":
        return ["*"]
    if not _LIST.fullmatch(value):
        raise _malformed(header, "Must be entity tags or *")
    return _read(value)


def _read(value: str) -> list[str]:
    """The tags as they are uncompressed: core.http.compression puts `-gzip` at their end, and so does Apache."""
    return [re.sub(r'-gzip"$', '"', item) for item in re.findall(_TAG, value)]


def _malformed(header: str, message: str) -> ProblemError:
    error = FieldError(pointer=f"/header/{header}", message=message, code="malformed")
    return ProblemError(Problem.VALIDATION_FAILED, "A precondition is malformed.", errors=[error])
