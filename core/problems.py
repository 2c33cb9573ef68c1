"""Every failure as RFC 9457 problem+json: one shape, a permanent code, no word of input, SQL or cause."""

import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from core.access import allowed_methods, authorize, is_owned_path
from core.database_errors import (
    DatabaseError,
    DatabaseUnavailableError,
    ForeignKeyViolationError,
    UniqueViolationError,
    ValueRefusedError,
)
from core.errors import FieldError, Problem, ProblemDetails, ProblemError

MEDIA_TYPE = "application/problem+json"

# A body of 1 MiB can be wrong in a hundred thousand places; the first ones say enough.
MAX_ERRORS = 100

_log = structlog.get_logger("core.problems")

# RFC 6750, section 3: without credentials there is no error code; with bad ones there is.
_CHALLENGES = {
    Problem.MISSING_TOKEN: "Bearer",
    Problem.INVALID_CREDENTIALS: "Bearer",
    Problem.INVALID_REFRESH_TOKEN: "Bearer",
    Problem.INVALID_TOKEN: 'Bearer error="invalid_token", error_description="The token is not valid"',
}

# Messages of pydantic that name the rule and nothing of the input; `{…}` is filled from the rule.
_MESSAGES = {
    "missing": "This field is required",
    "extra_forbidden": "This field is not known",
    "string_type": "Must be a string",
    "string_too_short": "Must have at least {min_length} characters",
    "string_too_long": "Must have at most {max_length} characters",
    "too_short": "Must have a length of at least {min_length}",
    "too_long": "Must have a length of at most {max_length}",
    "string_pattern_mismatch": "Does not have the expected form",
    "enum": "Must be {expected}",
    "literal_error": "Must be {expected}",
    "uuid_parsing": "Must be a UUID",
    "uuid_type": "Must be a UUID",
    "int_parsing": "Must be an integer",
    "int_type": "Must be an integer",
    "bool_parsing": "Must be true or false",
    "greater_than_equal": "Must be at least {ge}",
    "less_than_equal": "Must be at most {le}",
    "model_attributes_type": "Must be an object",
    "value_error": "{error}",
}


_KINDS = (ProblemError, DatabaseError, RequestValidationError, HTTPException)


async def respond(error: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the answer for a problem, on the ASGI level."""
    scope["problem_code"] = error.problem.code
    await _response(error, scope)(scope, receive, send)


def details(error: ProblemError, path: str, request_id: str) -> bytes:
    """The body of the answer."""
    problem = error.problem
    body: ProblemDetails = {
        "type": f"urn:todo-api:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": error.detail,
        "instance": quote(path, safe="/:@!$&'()*+,;=~"),
        "code": problem.code,
        "request_id": request_id,
    }
    if error.errors:
        body["errors"] = error.errors[:MAX_ERRORS]
    return orjson.dumps(body)


def retry_after() -> str:
    """In seconds. With jitter, so that clients that were refused together do not come back together."""
    return str(random.randint(1, 3))  # noqa: S311


def _response(error: ProblemError, scope: Scope) -> Response:
    problem = error.problem
    headers = dict(error.headers)
    if problem in _CHALLENGES:
        headers["WWW-Authenticate"] = _CHALLENGES[problem]
    if problem.status == 503:
        headers["Retry-After"] = retry_after()
    return Response(details(error, scope["path"], scope["request_id"]), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Registers the answer for what fails outside of an operation; the middleware answers the rest with 500."""
    for kind in _KINDS:
        app.add_exception_handler(kind, reply)


async def reply(request: Request, error: Exception) -> Response:
    """The answer for whatever has a status of its own; raises the error again where it is a bug."""
    problem = await _find(request, error)
    request.scope["problem_code"] = problem.problem.code
    _log_refusal(problem, error)
    return _response(problem, request.scope)


async def _find(request: Request, error: Exception) -> ProblemError:
    """The problem of an exception; raises it again where it is a bug, for the middleware to answer."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        return await _of_http(request, error)
    if isinstance(error, RequestValidationError):
        errors = [_field_error(item) for item in error.errors()[:MAX_ERRORS]]
        return ProblemError(Problem.VALIDATION_FAILED, "Some input is not valid; see `errors`.", errors=errors)
    if isinstance(error, DatabaseUnavailableError):
        return ProblemError(Problem.DATABASE_UNAVAILABLE, "The database does not answer now. Try again shortly.")
    if isinstance(error, UniqueViolationError | ForeignKeyViolationError):
        return ProblemError(Problem.CONFLICT, "The request conflicts with what is stored.")
    if isinstance(error, ValueRefusedError):
        return ProblemError(Problem.VALIDATION_FAILED, "A value cannot be stored.")
    raise error


async def _of_http(request: Request, error: HTTPException) -> ProblemError:
    """The framework's own errors. What lies below a user's id is theirs, also where there is nothing."""
    try:
        if error.status_code in (404, 405) and is_owned_path(request):
            await authorize(request)
    except ProblemError as refused:
        return refused
    if error.status_code == 404:
        return ProblemError(Problem.NOT_FOUND, "There is no such path.")
    if error.status_code == 405:
        allow = {"Allow": ", ".join(allowed_methods(request))}
        return ProblemError(Problem.METHOD_NOT_ALLOWED, "This path does not take that method.", headers=allow)
    return ProblemError(Problem.BAD_REQUEST, "The request cannot be understood.")


def _log_refusal(problem: ProblemError, error: Exception) -> None:
    """What the operator is told and the client is not."""
    if isinstance(error, DatabaseError):
        _log.warning(
            "database error",
            **{
                "error.code": problem.problem.code,
                "error.type": type(error).__name__,
                "error.reason": str(error),
                "db.response.status_code": error.sqlstate,
            },
        )
    elif problem.reason is not None:
        fields = {f"error.{name}": value for name, value in problem.fields.items()}
        _log.info("request refused", **{"error.code": problem.problem.code, "error.reason": problem.reason, **fields})


def _field_error(item: Mapping[str, Any]) -> FieldError:
    where, *path = item["loc"]
    prefix = "" if where == "body" else f"/{where}"
    kind = item["type"]
    message = _MESSAGES.get(kind, "This value is not valid").format_map(item.get("ctx", {}))
    return FieldError(pointer=prefix + "".join(_segment(part) for part in path), message=message, code=kind)


def _segment(part: object) -> str:
    """One reference token of a JSON Pointer; a name that the client made up is given back only if it is a plain one."""
    return f"/{part}" if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", str(part)) else "/?"
