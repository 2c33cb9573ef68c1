"""An example of each problem for the document: what the API responds where somebody runs into it."""

from typing import Any

import orjson

from core.http.problem_responses import details
from core.problems import FieldCode, FieldError, Problem, ProblemError

_TASKS, _TASK = "/api/v1/users/me/tasks", "/api/v1/users/me/tasks/01a221af-ea66-724f-b462-68f20ad6c67d"
_SIGN_IN, _SIGN_UP, _READY = "/api/v1/auth/sign-in", "/api/v1/auth/sign-up", "/health/ready"
_REQUEST_ID = "0f5d3c1b6f3d4c0c9b7e6a5d4c3b2a19"
_TOO_SHORT = FieldError(
    pointer="/title", message="Must have at least 1 character", code=FieldCode.TOO_SHORT, params={"min": 1}
)
# What the request was to, and the detail.
_MET = {
    Problem.VALIDATION_FAILED: (_TASKS, "Some input is not valid; see `errors`."),
    Problem.MALFORMED_JSON: (_TASKS, "The text is not valid JSON."),
    Problem.BAD_REQUEST: (_TASKS, "Send exactly one Host header."),
    Problem.MISSING_TOKEN: (_TASKS, "Send one header `Authorization: Bearer <token>`."),
    Problem.INVALID_TOKEN: (_TASKS, "The token is expired, malformed, or not made for this API."),
    Problem.ACCOUNT_DELETED: (_TASKS, "The account of this token was deleted."),
    Problem.INVALID_CREDENTIALS: (_SIGN_IN, "The address or the password is wrong."),
    Problem.INVALID_REFRESH_TOKEN: (
        "/api/v1/auth/refresh",
        "The refresh token is used, expired or unknown. Sign in.",
    ),
    Problem.KEY_REQUIRED: (_TASK, "Something was deleted under this id. Send an Idempotency-Key to put it back."),
    Problem.FORBIDDEN: ("/api/v1/users/somebody/tasks", "The user in the path is not the user of the token."),
    Problem.ORIGIN_NOT_ALLOWED: (
        _SIGN_IN,
        "The page must be of an origin in CORS_ORIGINS or of the API's own, and say so in `Origin`.",
    ),
    Problem.NOT_FOUND: (_TASK, "No such task."),
    Problem.METHOD_NOT_ALLOWED: (_TASKS, "This path does not take that method."),
    Problem.BODY_TIMEOUT: (_TASKS, "The body did not arrive within 30 seconds."),
    Problem.CURSOR_EXPIRED: (
        f"{_TASKS}/changes",
        "The changes since this cursor are not known any more. Start again without a cursor, and keep only what comes.",
    ),
    Problem.PRECONDITION_FAILED: (_TASK, "The resource has changed since you read it. Read it again."),
    Problem.ENTITY_TAG_ALTERED: (
        _TASK,
        "If-Match has a tag as this API gives none: something on the way, such as a proxy that compresses, weakened it "
        "(W/) or added to it. Switch that off for this API, or send the tag without W/ and without the addition.",
    ),
    Problem.REQUEST_IN_PROGRESS: (
        _TASKS,
        "The first request with this key runs, or another write that this one waits for.",
    ),
    Problem.IDEMPOTENCY_KEY_REUSED: (_TASKS, "This key was used for another request. Make a new one."),
    Problem.TOO_MANY_ROWS: (_TASKS, "More than 1000 were chosen, and nothing was done."),
    Problem.CONFLICT: (_TASKS, "The request conflicts with what is stored."),
    Problem.EMAIL_TAKEN: (_SIGN_UP, "There is an account with this address. Sign in."),
    Problem.BODY_TOO_LARGE: (_TASKS, "A body has at most 1048576 bytes."),
    Problem.UNSUPPORTED_MEDIA_TYPE: (_TASKS, "Send `Content-Type: application/json`, uncompressed."),
    Problem.TOO_MANY_ATTEMPTS: (_SIGN_IN, "Too many attempts. Wait before the next."),
    Problem.INTERNAL_ERROR: (_TASKS, "The server failed; its log has the cause under this request_id."),
    Problem.DATABASE_UNAVAILABLE: (_TASKS, "The database does not respond now. Try again shortly."),
    Problem.KEYS_UNAVAILABLE: (_TASKS, "The keys of the sign-in server cannot be had now. Try again shortly."),
    Problem.SCHEMA_TOO_OLD: (_READY, "The database is not migrated to what this release needs."),
    Problem.SCHEMA_TOO_NEW: (_READY, "A migration has left no room for this release."),
    Problem.OVERLOADED: (_TASKS, "The server has as much to do as it can. Try again shortly."),
    Problem.SHUTTING_DOWN: (_READY, "This process is about to end."),
}


def example_of(problem: Problem) -> Any:
    """The body of a response with this problem, as the API makes it."""
    instance, detail = _MET[problem]
    errors = [_TOO_SHORT] if problem is Problem.VALIDATION_FAILED else []
    error = ProblemError(problem, detail, errors=errors)
    return orjson.loads(details(error, "", instance, _REQUEST_ID))
