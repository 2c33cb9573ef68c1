"""The catalogue of failures that a client can meet; each has one permanent code. RFC 9457 calls it the problem type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NotRequired

from typing_extensions import TypedDict


@dataclass(frozen=True)
class _Kind:
    status: int
    title: str


class Problem(_Kind, Enum):
    """Name in lower case = the permanent `code`. A code is never renamed or given another meaning."""

    VALIDATION_FAILED = 400, "The request is not valid"
    MALFORMED_JSON = 400, "The body is not strict JSON"
    BAD_REQUEST = 400, "The request cannot be understood"
    MISSING_TOKEN = 401, "A bearer token is needed"
    INVALID_TOKEN = 401, "The bearer token is not valid"
    INVALID_CREDENTIALS = 401, "The e-mail address or the password is wrong"
    INVALID_REFRESH_TOKEN = 401, "The refresh token is not valid"
    FORBIDDEN = 403, "This belongs to somebody else"
    NOT_FOUND = 404, "There is nothing here"
    METHOD_NOT_ALLOWED = 405, "The method is not allowed here"
    BODY_TIMEOUT = 408, "The body did not arrive in time"
    PRECONDITION_FAILED = 412, "The resource has changed"
    REQUEST_IN_PROGRESS = 409, "The first request with this key is under way"
    IDEMPOTENCY_KEY_REUSED = 422, "The key was used for another request"
    CONFLICT = 409, "The request conflicts with what is stored"
    EMAIL_TAKEN = 409, "The e-mail address has an account already"
    BODY_TOO_LARGE = 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = 415, "The body must be application/json"
    TOO_MANY_ATTEMPTS = 429, "Too many attempts"
    INTERNAL_ERROR = 500, "The server failed"
    DATABASE_UNAVAILABLE = 503, "The database is not available"
    KEYS_UNAVAILABLE = 503, "The keys that verify tokens are not available"
    OVERLOADED = 503, "The server is busy"
    SHUTTING_DOWN = 503, "The server is shutting down"

    @property
    def code(self) -> str:
        """The permanent, machine-readable name."""
        return self.name.lower()


class FieldError(TypedDict):
    """One invalid input. `pointer` is a JSON Pointer (RFC 6901) into the body, or or begins with /query or /path."""

    pointer: str
    message: str
    code: str


class ProblemDetails(TypedDict):
    """The body of every failure (RFC 9457). `code` is permanent; `errors` is there where input is invalid."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: NotRequired[list[FieldError]]


class ProblemError(Exception):
    """Raise it anywhere below an endpoint to answer with that problem.

    `detail` is read by the client: it must not hold input, SQL or secrets. `reason` and `fields` go to the log only.
    """

    def __init__(
        self,
        problem: Problem,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        reason: str | None = None,
        fields: Mapping[str, str | None] | None = None,
    ) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.reason = reason
        self.fields = dict(fields or {})


def not_found(thing: str) -> ProblemError:
    """The 404 of a row that does not exist, or is not the caller's."""
    return ProblemError(Problem.NOT_FOUND, f"No such {thing}.")
