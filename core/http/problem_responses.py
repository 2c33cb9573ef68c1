"""Every failure as RFC 9457 problem+json: one shape, a permanent code, no word of input, SQL or cause."""

import inspect
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from core.database.errors import (
    DatabaseError,
    DatabaseUnavailableError,
    ForeignKeyViolationError,
    UniqueViolationError,
    ValueRejectedError,
)
from core.http import context
from core.http.authorization import allowed, authorize, is_owned_path
from core.http.field_errors import field_error
from core.http.headers import values as values_of
from core.problems import PROBLEM_JSON, PROBLEMS, Problem, ProblemDetails, ProblemError, StatusProblem, of_status
from core.resources import preconditions

# A body of 1 MiB can be wrong in a hundred thousand places; the first ones say enough.
MAX_ERRORS = 100

_log = structlog.get_logger("core.http.problem_responses")

# RFC 6750, section 3: without credentials there is no error code; with bad ones there is.
_CHALLENGES: Mapping[Problem | StatusProblem, str] = {
    Problem.INVALID_TOKEN: 'Bearer error="invalid_token", error_description="The token is not valid"',
    Problem.ACCOUNT_DELETED: 'Bearer error="invalid_token", error_description="The token is not valid"',
}

_KINDS = (ProblemError, DatabaseError, RequestValidationError, HTTPException)
# What handlers of bugs are registered for. An HTTPException is none, also where its status is 500.
OF_BUGS = (500, Exception)


async def respond(error: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the response for a problem, on the ASGI level."""
    context.in_scope(scope).problem_code = error.problem.code
    await _response(error, scope)(scope, receive, send)


def details(error: ProblemError, root_path: str, path: str, request_id: str) -> bytes:
    """The body of the response, to a request for `path` of the API, which clients find below `root_path`."""
    problem = error.problem
    body: ProblemDetails = {
        "type": f"{root_path}{PROBLEMS}/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": error.detail,
        "instance": quote(root_path + path, safe="/:@!$&'()*+,;=~"),
        "code": problem.code,
        "request_id": request_id,
    }
    if error.errors:
        body["errors"] = error.errors[:MAX_ERRORS]
    if error.data is not None:
        body["data"] = error.data
    return orjson.dumps(body)


def retry_after() -> str:
    """In seconds. With jitter, so that clients that were rejected together do not come back together."""
    return str(random.randint(1, 3))  # noqa: S311


def _response(error: ProblemError, scope: Scope) -> Response:
    problem = error.problem
    headers = dict(error.headers)
    names = {name.lower() for name in headers}
    if problem.status == 401 and "www-authenticate" not in names:
        headers["WWW-Authenticate"] = _CHALLENGES.get(problem, "Bearer")
    if (problem.status == 503 or problem is Problem.REQUEST_IN_PROGRESS) and "retry-after" not in names:
        headers["Retry-After"] = retry_after()
    found = context.in_scope(scope)
    body = details(error, found.services.settings.root_path, str(scope["path"]), found.request_id)
    return Response(body, problem.status, headers, PROBLEM_JSON)


def install(app: FastAPI) -> None:
    """Registers the response for what fails outside of an operation; the middleware gives the rest a 500."""
    for kind in _KINDS:
        app.add_exception_handler(kind, response_to)


async def handled(request: Request, error: Exception) -> Response:
    """The response of the application's exception handler for `error`, as FastAPI finds it; raises `error` if none."""
    handlers = request.app.exception_handlers
    kinds = type(error).__mro__
    keys = (error.status_code, *kinds) if isinstance(error, HTTPException) else kinds
    handler = next((handlers[key] for key in keys if key in handlers and key not in OF_BUGS), None)
    if handler is None:
        raise error
    return await _call(handler, request, error)


async def failed(request: Request, error: Exception) -> Response | None:
    """The response of the application's handler of Exception, or of status 500; None if it has none."""
    handlers = request.scope["app"].exception_handlers if "app" in request.scope else {}
    handler = handlers.get(500) or handlers.get(Exception)
    return None if handler is None else await _call(handler, request, error)


async def _call(handler: Callable[..., Any], request: Request, error: Exception) -> Response:
    result = (
        handler(request, error) if inspect.iscoroutinefunction(handler) else run_in_threadpool(handler, request, error)
    )
    response: Response = await result
    return response


async def response_to(request: Request, error: Exception) -> Response:
    """The response to whatever has a status of its own; raises the error again where it is a bug."""
    if isinstance(error, HTTPException) and error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    problem = await _find(request, error)
    if problem.problem is Problem.METHOD_NOT_ALLOWED and request.method == "OPTIONS":
        return Response(status_code=204, headers=problem.headers)  # which say what is allowed
    context.of(request).problem_code = problem.problem.code
    _log_rejection(problem, error)
    return _response(problem, request.scope)


async def _find(request: Request, error: Exception) -> ProblemError:
    """The problem of an exception; raises it again where it is a bug, for the middleware."""
    if isinstance(error, preconditions.StaleError):
        return _stale(request, error)
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        return await _of_http(request, error)
    if isinstance(error, RequestValidationError):
        errors = [field_error(item) for item in error.errors()[:MAX_ERRORS]]
        return ProblemError(Problem.VALIDATION_FAILED, "Some input is not valid; see `errors`.", errors=errors)
    if isinstance(error, DatabaseUnavailableError):
        return ProblemError(Problem.DATABASE_UNAVAILABLE, error.told)
    if isinstance(error, UniqueViolationError | ForeignKeyViolationError):
        return ProblemError(Problem.CONFLICT, "The request conflicts with what is stored.")
    if isinstance(error, ValueRejectedError):
        return ProblemError(Problem.VALIDATION_FAILED, "A value cannot be stored.")
    raise error


def _stale(request: Request, error: preconditions.StaleError) -> ProblemError:
    """With the tag of the version that there is now."""
    found = context.of(request)
    owner = found.user.tag
    problem = preconditions.explained(error, values_of(request.scope, b"if-match"), owner)
    problem.headers["ETag"] = f'"{error.version}{found.tags.of_row(owner)}'
    return problem


async def _of_http(request: Request, error: HTTPException) -> ProblemError:
    """An endpoint's HTTPException, or the router's. What lies below a user's id is theirs, also where nothing is."""
    if context.of(request).route is not None or error.status_code not in (404, 405):
        return _of_endpoint(error)
    try:
        if is_owned_path(request):
            await authorize(request)
    except ProblemError as rejected:
        return rejected
    if error.status_code == 404:
        return ProblemError(Problem.NOT_FOUND, "There is no such path.")
    return ProblemError(Problem.METHOD_NOT_ALLOWED, "This path does not take that method.", headers=allowed(request))


def _of_endpoint(error: HTTPException) -> ProblemError:
    """What a slice raises as FastAPI's documentation shows it."""
    problem, detail = of_status(error.status_code), error.detail
    if isinstance(detail, str):
        return ProblemError(problem, detail, headers=error.headers)
    return ProblemError(problem, problem.title, headers=error.headers, data=detail)


def _log_rejection(problem: ProblemError, error: Exception) -> None:
    """What the operator is told and the client is not."""
    if isinstance(error, DatabaseError):
        _log.warning(
            "database error",
            **{
                "error.code": problem.problem.code,
                "error.type": type(error).__name__,
                "error.reason": f"{error} of {error.constraint}" if error.constraint else str(error),
                "db.response.status_code": error.sqlstate,
            },
        )
    elif problem.reason is not None:
        fields = {f"error.{name}": value for name, value in problem.fields.items()}
        _log.info("request rejected", **{"error.code": problem.problem.code, "error.reason": problem.reason, **fields})
