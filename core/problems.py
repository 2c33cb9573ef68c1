"""The catalogue of failures that a client can meet; each has one permanent code. RFC 9457 calls it the problem type."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from http import HTTPStatus
from typing import Annotated, Any, NotRequired

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict


@dataclass(frozen=True)
class _Kind:
    status: int
    title: str


class Problem(_Kind, Enum):
    """Name in lower case = the permanent `code`. A code is never renamed or given another meaning."""

    VALIDATION_FAILED = 400, "The request is not valid"
    MALFORMED_JSON = 400, "The body is not strict JSON"
    BAD_REQUEST = 400, "Bad request"
    MISSING_TOKEN = 401, "A bearer token is needed"
    INVALID_TOKEN = 401, "The bearer token is not valid"
    ACCOUNT_DELETED = 401, "The account of the token was deleted"
    INVALID_CREDENTIALS = 401, "The e-mail address or the password is wrong"
    INVALID_REFRESH_TOKEN = 401, "The refresh token is not valid"
    KEY_REQUIRED = 400, "An Idempotency-Key is needed"
    FORBIDDEN = 403, "Forbidden"
    ORIGIN_NOT_ALLOWED = 403, "The origin is not allowed"
    NOT_FOUND = 404, "Not found"
    METHOD_NOT_ALLOWED = 405, "Method not allowed"
    BODY_TIMEOUT = 408, "The body did not arrive in time"
    CURSOR_EXPIRED = 410, "The cursor is expired"
    PRECONDITION_FAILED = 412, "Precondition failed"
    ENTITY_TAG_ALTERED = 412, "The entity tag was altered on its way"
    REQUEST_IN_PROGRESS = 409, "The first request with this key is under way"
    IDEMPOTENCY_KEY_REUSED = 422, "The key was used for another request"
    TOO_MANY_ROWS = 409, "Too many rows"
    CONFLICT = 409, "The request conflicts with what is stored"
    EMAIL_TAKEN = 409, "The e-mail address has an account already"
    BODY_TOO_LARGE = 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = 415, "Unsupported media type"
    TOO_MANY_ATTEMPTS = 429, "Too many attempts"
    INTERNAL_ERROR = 500, "Internal server error"
    DATABASE_UNAVAILABLE = 503, "The database is not available"
    KEYS_UNAVAILABLE = 503, "The keys that verify tokens are not available"
    SCHEMA_TOO_OLD = 503, "The schema of the database is older than this release"
    SCHEMA_TOO_NEW = 503, "The schema of the database is newer than this release can serve"
    OVERLOADED = 503, "The server is busy"
    SHUTTING_DOWN = 503, "The server is shutting down"

    @property
    def code(self) -> str:
        """The permanent, machine-readable name."""
        return self.name.lower()


@dataclass(frozen=True)
class StatusProblem:
    """What an HTTPException is: its code is the name of its status (RFC 9110, section 15)."""

    status: int
    title: str
    code: str


_OF_STATUS = {
    problem.status: problem
    for problem in (
        Problem.BAD_REQUEST,
        Problem.FORBIDDEN,
        Problem.NOT_FOUND,
        Problem.METHOD_NOT_ALLOWED,
        Problem.CONFLICT,
        Problem.PRECONDITION_FAILED,
        Problem.BODY_TOO_LARGE,
        Problem.UNSUPPORTED_MEDIA_TYPE,
        Problem.INTERNAL_ERROR,
    )
}
# Python's names of these have changed with the RFCs; a code never changes.
_NAMES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}


def of_status(status: int) -> Problem | StatusProblem:
    """The problem of a status alone: of the catalogue, where one says nothing more than the status does."""
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    known = status in HTTPStatus.__members__.values()
    name = _NAMES.get(status) or (HTTPStatus(status).phrase if known else f"Status {status}")
    return StatusProblem(status, name, re.sub(r"\W+", "_", name.replace("'", "")).lower())


PROBLEMS = "/problems"  # where the pages are that say what a problem means; its `type` is the page's reference
PROBLEM_JSON = "application/problem+json"  # what a problem is sent as

# How the tags of a choice between several bodies begin: they are no part of where an input is.
CHOICE = "choice:"


class FieldCode(StrEnum):
    """What is wrong with one input. A code is never renamed or given another meaning."""

    MISSING = "missing"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    MALFORMED = "malformed"
    NOT_ALLOWED = "not_allowed"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    NOT_A_MULTIPLE = "not_a_multiple"
    NUL_CHARACTER = "nul_character"
    OTHER_ID = "other_id"
    INVALID_CURSOR = "invalid_cursor"
    GUESSABLE_PASSWORD = "guessable_password"  # noqa: S105
    NOTHING_CHOSEN = "nothing_chosen"
    CHOSEN_TWICE = "chosen_twice"
    NOT_OF_ONE = "not_of_one"
    STALE = "stale"
    INVALID = "invalid"


# The document names no type: of a choice of two, generators for Kotlin and Swift make a type that reads neither.
Bound = Annotated[int | float | str, WithJsonSchema({})]


class FieldParams(TypedDict, total=False):
    """The parameters of a code, numbers and texts, for words of one's own: docs/problems.md says which has which."""

    min: Annotated[Bound, Field(description="The least that is allowed; of a text its length.")]
    max: Annotated[Bound, Field(description="The most that is allowed; of a text its length.")]
    above: Annotated[Bound, Field(description="It must be more than this; `now` is the time of the request.")]
    below: Annotated[Bound, Field(description="It must be less than this; `now` is the time of the request.")]
    of: Annotated[Bound, Field(description="What it must be a multiple of.")]
    expected: Annotated[str, Field(description="The type or the format that is expected, as JSON Schema names it.")]
    pattern: Annotated[str, Field(description="The regular expression that it must match.")]
    allowed: Annotated[list[Bound], Field(description="The values that are allowed.")]


class FieldError(TypedDict):
    """One invalid input. `pointer` is a JSON Pointer (RFC 6901): into the body, or from /query, /path or /header on."""

    pointer: Annotated[str, Field(description="Where it is.")]
    message: Annotated[str, Field(description="What is wrong, for people; it may be worded anew.")]
    code: Annotated[FieldCode, Field(description="What is wrong, for programs.")]
    params: NotRequired[Annotated[FieldParams, Field(description="The parameters of the code, where it has some.")]]


class ProblemDetails(TypedDict):
    """The body of every failure (RFC 9457). `code` is permanent; `errors` is there where input is invalid."""

    type: Annotated[str, Field(description="A reference to a page that says what it means and what to do.")]
    title: Annotated[str, Field(description="The problem in words, the same each time.")]
    status: Annotated[int, Field(description="The status of the response.")]
    detail: Annotated[str, Field(description="This occurrence in words, for people.")]
    instance: Annotated[str, Field(description="The path of the request.")]
    code: Annotated[str, Field(description="The permanent name of the problem.")]
    request_id: Annotated[str, Field(description="What the server's log has about it is found by this.")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="What is wrong, place by place.")]]
    data: NotRequired[Annotated[Any, Field(description="What an operation tells besides.")]]


class ProblemError(Exception):
    """A failure that the client is told. Raise it in an endpoint, or in what an endpoint calls.

    `detail` is read by the client: it must not hold input, SQL or secrets. `reason` and `fields` go to the log only.
    `data` is the detail of an HTTPException where that is not text; the client gets it as the member `data`.
    """

    def __init__(
        self,
        problem: Problem | StatusProblem,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        reason: str | None = None,
        fields: Mapping[str, str | None] | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.reason = reason
        self.fields = dict(fields or {})
        self.data = data


def not_found(thing: str) -> ProblemError:
    """The 404 of a row that does not exist, or is not the current user's."""
    return ProblemError(Problem.NOT_FOUND, f"No such {thing}.")
