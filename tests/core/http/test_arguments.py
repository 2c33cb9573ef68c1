"""What an endpoint is called with: every value that it declares, or none and all that is wrong with them."""

import asyncio
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest
from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from core.http import problem_pages
from core.http.arguments import NotFastError
from core.http.dispatch import FastOperation
from core.http.parameters import pairs_of
from core.http.routers import public_router
from core.http.routing import PrivateRoute
from core.problems import Problem, ProblemError
from core.resources.schemas import InputModel
from main import create_app
from tests.conftest import TestDatabase, assert_problem, make_settings
from tests.core.http.extended_app import extended_app

SOME_ID = "0190a7c8-0000-7000-8000-000000000001"


class Thing(InputModel):
    """A body."""

    name: str = Field(min_length=2)


class ListQuery(InputModel):
    """A query that knows its parameters."""

    page: int = Field(default=1, ge=1)


async def _tenant(x_tenant: Annotated[str, Header(min_length=2)], request: Request) -> str:
    return f"{x_tenant} by {request.method}"


async def _listed(tenant: Annotated[str, Depends(_tenant)], query: Annotated[ListQuery, Query()]) -> dict[str, Any]:
    return {"tenant": tenant, "page": query.page}


async def _named(thing: Thing) -> str:
    return thing.name.upper()


async def _reject(x_word: Annotated[str, Header()] = "") -> None:
    if x_word != "please":
        raise ProblemError(Problem.FORBIDDEN, "Say the word.")


router = public_router("things", "/things")


@router.put("/{thing_id}")
async def put_thing(
    thing_id: Annotated[UUID, Path()],
    listed: Annotated[dict[str, Any], Depends(_listed)],
    thing: Thing,
    request: Request,
    response: Response,
    x_word: Annotated[list[str], Header()] = [],  # noqa: B006
    x_count: Annotated[int | None, Header()] = None,
) -> dict[str, Any]:
    """Takes one of each kind."""
    response.headers["X-Seen"] = request.url.path
    return {"id": thing_id, "listed": listed, "name": thing.name, "words": x_word, "count": x_count}


@router.post("/named")
async def post_name(name: Annotated[str, Depends(_named)]) -> dict[str, str]:
    """Takes its body by a dependency."""
    return {"name": name}


@router.get("/guarded", dependencies=[Depends(_reject)])
async def get_guarded() -> dict[str, str]:
    """Has a dependency that gives it nothing."""
    return {"status": "ok"}


@router.get("/words/{word}")
async def get_word(word: Annotated[str, Path(max_length=3)]) -> dict[str, str]:
    """Takes a text of its path, which has a rule."""
    return {"word": word}


@router.delete("/{thing_id}", status_code=204)
async def delete_thing(thing_id: UUID, response: Response) -> None:
    """Sets a header alone."""
    response.headers["X-Seen"] = str(thing_id)


@router.get("/plain", response_model=None)
async def get_plain() -> Response:
    """Makes its response itself."""
    return Response(b"plain", 203, media_type="text/plain")


def call(database: TestDatabase, method: str, path: str, **sent: Any) -> httpx.Response:
    """The response of an application with the operations above."""

    async def run() -> httpx.Response:
        async with extended_app(router, database=database) as client:
            return await client.request(method, f"/api/v1/things{path}", **sent)

    return asyncio.run(run())


def test_an_endpoint_gets_each_value_that_it_declares(database: TestDatabase) -> None:
    headers = [("X-Tenant", "acme"), ("X-Word", "a"), ("X-Word", "b"), ("X-Count", "3")]
    sent: dict[str, Any] = {"headers": headers, "params": {"page": 2}, "json": {"name": "lamp"}}
    response = call(database, "PUT", f"/{SOME_ID.upper()}", **sent)
    listed = {"tenant": "acme by PUT", "page": 2}
    expected = {"id": SOME_ID, "listed": listed, "name": "lamp", "words": ["a", "b"], "count": 3}
    assert (response.status_code, response.json()) == (200, expected)
    assert response.headers["x-seen"] == f"/api/v1/things/{SOME_ID.upper()}"


def test_what_is_not_sent_has_its_default(database: TestDatabase) -> None:
    response = call(database, "PUT", f"/{SOME_ID}", headers={"X-Tenant": "acme"}, json={"name": "lamp"})
    listed = {"tenant": "acme by PUT", "page": 1}
    expected: dict[str, Any] = {"id": SOME_ID, "listed": listed, "name": "lamp", "words": [], "count": None}
    assert (response.status_code, response.json()) == (200, expected)


def test_a_text_of_the_path_obeys_its_rule(database: TestDatabase) -> None:
    assert call(database, "GET", "/words/abc").json() == {"word": "abc"}
    response = call(database, "GET", "/words/abcd")
    assert_problem(response, 400, "validation_failed")
    assert response.json()["errors"][0]["pointer"] == "/path/word"


def test_all_that_is_wrong_is_told_together(database: TestDatabase) -> None:
    """No dependency runs then: what it would be called with is not there."""
    sent = {"headers": {"X-Tenant": "a", "X-Count": "x"}, "params": {"page": "0"}, "json": {"name": "", "more": 1}}
    response = call(database, "PUT", "/x", **sent)
    problem = assert_problem(response, 400, "validation_failed")
    assert {error["pointer"]: error["code"] for error in problem["errors"]} == {
        "/header/x-tenant": "too_short",
        "/query/page": "too_small",
        "/path/thing_id": "malformed",
        "/header/x-count": "malformed",
        "/name": "too_short",
        "/more": "unknown_field",
    }
    assert len(problem["errors"]) == 6


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        ({"json": {"name": "lamp"}}, "/header/x-tenant", "missing"),
        ({"headers": {"X-Tenant": "acme"}, "json": {}}, "/name", "missing"),
        ({"headers": {"X-Tenant": "acme"}, "json": []}, "", "wrong_type"),
        ({"headers": {"X-Tenant": "acme"}}, "", "missing"),
        (
            {"headers": {"X-Tenant": "acme"}, "json": {"name": "lamp"}, "params": {"x": 1}},
            "/query/x",
            "unknown_field",
        ),
    ],
)
def test_one_thing_that_is_wrong_is_told_alone(
    database: TestDatabase, sent: dict[str, Any], pointer: str, code: str
) -> None:
    response = call(database, "PUT", f"/{SOME_ID}", **sent)
    (error,) = assert_problem(response, 400, "validation_failed")["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


def test_a_dependency_may_take_the_body(database: TestDatabase) -> None:
    response = call(database, "POST", "/named", json={"name": "lamp"})
    assert (response.status_code, response.json()) == (200, {"name": "LAMP"})
    (error,) = assert_problem(call(database, "POST", "/named", json={"name": 1}), 400, "validation_failed")["errors"]
    assert error["pointer"] == "/name"


def test_a_dependency_of_the_route_runs_and_gives_nothing(database: TestDatabase) -> None:
    assert_problem(call(database, "GET", "/guarded"), 403, "forbidden", detail="Say the word.")
    response = call(database, "GET", "/guarded", headers={"X-Word": "please"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_an_endpoint_may_make_its_response_itself_or_set_headers_alone(database: TestDatabase) -> None:
    plain = call(database, "GET", "/plain")
    assert (plain.status_code, plain.content, plain.headers["content-type"]) == (
        203,
        b"plain",
        "text/plain; charset=utf-8",
    )
    deleted = call(database, "DELETE", f"/{SOME_ID}")
    assert (deleted.status_code, deleted.content, deleted.headers["x-seen"]) == (204, b"", SOME_ID)
    assert not {"content-length", "content-type"} & set(deleted.headers)


# The paths of operations that FastAPI serves, because their declarations are worth it: `def`, `yield`, cookies.
NOT_FAST: set[str] = set()


def test_every_operation_that_ships_is_on_the_fast_path(database: TestDatabase) -> None:
    """Of a file there is no list to keep: FastAPI alone can serve it."""
    app = create_app(make_settings(docs=False), database.proxied_url)
    routes = [route for route in app.routes if isinstance(route, PrivateRoute)]
    assert len(routes) > 15
    others = [route for route in app.routes if route not in routes]
    assert {getattr(route, "path", None) for route in others} == problem_pages.PATHS
    left = _left(routes)
    told = (
        "cost twice as much: declare them as Arguments of core/http/arguments.py says, or, if that is meant, add them"
    )
    assert left <= NOT_FAST, f"{left - NOT_FAST} {told} to NOT_FAST of tests/core/http/test_arguments.py"
    assert left == NOT_FAST, f"{NOT_FAST - left} are fast: take them out of NOT_FAST"


class Csv(StreamingResponse):
    media_type = "text/csv"


def test_a_file_leaves_the_fast_path_by_itself_and_a_plain_function_does_not() -> None:
    router = public_router("files", "/files")

    @router.get("/csv", response_class=Csv)
    async def as_csv() -> Csv:
        return Csv(["a"])

    @router.get("/json", response_class=JSONResponse)
    def as_json() -> JSONResponse:
        return JSONResponse({})

    routes = [route for route in router.routes if isinstance(route, PrivateRoute)]
    assert not any(map(_is_fast, routes))
    assert _left(routes) == {"/api/v1/files/json"}


def _left(routes: list[PrivateRoute]) -> set[str]:
    return {route.path for route in routes if not _is_fast(route) and not _gives_file(route)}


def _gives_file(route: PrivateRoute) -> bool:
    given = route.response_class
    return not isinstance(given, DefaultPlaceholder) and not issubclass(given, JSONResponse)


def _is_fast(route: PrivateRoute) -> bool:
    try:
        FastOperation(route)
    except NotFastError:
        return False
    return True


@pytest.mark.parametrize(
    "query",
    ["", "a", "a=", "=b", "a=b", "a=b=c", "&&a=b&", "a=b&a=c", "a;b=c", "a=é", "a=%41", "a=b+c", "%41=b&c", "a= b"],
)
def test_a_query_is_read_as_python_reads_it(query: str) -> None:
    """Also where nothing in it is escaped, which is read in a shorter way."""
    assert pairs_of(query.encode("latin-1")) == parse_qsl(query, keep_blank_values=True)
