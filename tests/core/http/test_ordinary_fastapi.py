"""What a slice or a deployment asks of FastAPI, behind the guarantees: errors, middleware, handlers, overrides."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, File, Form, Header, HTTPException, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from core.http.dependencies import owned
from core.http.endpoints import found
from core.http.routers import private_router, public_router
from core.resources.schemas import OutputModel
from main import create_app
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskCreate, TaskRead, TaskReplace
from tests.conftest import TestDatabase, assert_problem, make_settings, make_token

Tasks = Annotated[TaskRepository, owned(TaskRepository)]
Change = Callable[[FastAPI], Any]


def ask(
    database: TestDatabase, change: Change, *requests: tuple[str, str, dict[str, Any]], **values: Any
) -> list[httpx.Response]:
    """The responses of the application once `change` has been at it."""

    async def run() -> list[httpx.Response]:
        app = create_app(make_settings(**values), database.proxied_url)
        change(app)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=20) as client,
        ):
            return [await client.request(method, f"/api/v1{path}", **sent) for method, path, sent in requests]

    return asyncio.run(run())


def raising(error: Exception) -> Change:
    """A public operation `/raise` that raises it, and that the fast path takes."""
    router = public_router("raise", "/raise")

    @router.get("")
    async def operation() -> dict[str, str]:
        raise error

    return lambda app: app.include_router(router)


@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (400, "bad_request", "Bad request"),
        (401, "unauthorized", "Unauthorized"),
        (402, "payment_required", "Payment Required"),
        (403, "forbidden", "Forbidden"),
        (404, "not_found", "Not found"),
        (405, "method_not_allowed", "Method not allowed"),
        (409, "conflict", "The request conflicts with what is stored"),
        (413, "body_too_large", "The body is too large"),
        (414, "uri_too_long", "URI Too Long"),
        (418, "im_a_teapot", "I'm a Teapot"),
        (422, "unprocessable_content", "Unprocessable Content"),
        (429, "too_many_requests", "Too Many Requests"),
        (499, "status_499", "Status 499"),
        (503, "service_unavailable", "Service Unavailable"),
    ],
)
def test_an_http_exception_is_a_problem_of_its_status(
    database: TestDatabase, status: int, code: str, title: str
) -> None:
    error = HTTPException(status, "As it was said.", {"X-Error": "There goes my error"})
    for fast_path in (True, False):
        (response,) = ask(database, raising(error), ("GET", "/raise", {}), fast_path=fast_path)
        assert_problem(response, status, code, title=title, detail="As it was said.")
        assert response.headers["x-error"] == "There goes my error"


def test_a_challenge_and_a_time_of_the_slices_own_are_kept(database: TestDatabase) -> None:
    error = HTTPException(401, "Sign in.", {"WWW-Authenticate": "Basic"})
    assert ask(database, raising(error), ("GET", "/raise", {}))[0].headers["www-authenticate"] == "Basic"
    assert ask(database, raising(HTTPException(401)), ("GET", "/raise", {}))[0].headers["www-authenticate"] == "Bearer"
    error = HTTPException(503, "Later.", {"retry-after": "120"})
    assert ask(database, raising(error), ("GET", "/raise", {}))[0].headers.get_list("retry-after") == ["120"]


def test_a_detail_that_is_no_text_is_given_as_data(database: TestDatabase) -> None:
    error = HTTPException(409, {"reason": "twice", "ids": [1, 2]})
    (response,) = ask(database, raising(error), ("GET", "/raise", {}))
    problem = response.json()
    assert (problem["code"], problem["detail"]) == ("conflict", "The request conflicts with what is stored")
    assert problem["data"] == {"reason": "twice", "ids": [1, 2]}


def test_an_http_exception_below_400_is_no_problem(database: TestDatabase) -> None:
    (response,) = ask(database, raising(HTTPException(307, headers={"Location": "/x"})), ("GET", "/raise", {}))
    assert (response.status_code, response.headers["location"], response.content) == (307, "/x", b"")


def own_put(declared: dict[str, str], *, whole: bool) -> Change:
    """A PUT that makes rows, `/users/{user_id}/own/{task_id}`, and says what its response is, or gives a whole one."""
    router = private_router("own", "/users/{user_id}/own")

    @router.put("/{task_id}", response_model=TaskRead)
    async def put(tasks: Tasks, task_id: UUID, new: TaskReplace, response: Response) -> Any:
        row = found(await tasks.replace(task_id, new), "task")
        if whole:
            return JSONResponse({}, 202, declared)
        response.status_code = 202
        response.headers.update(declared)
        return row

    return lambda app: app.include_router(router)


@pytest.mark.parametrize("fast_path", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_what_an_endpoint_says_of_its_response_stands(database: TestDatabase, *, whole: bool, fast_path: bool) -> None:
    declared = {"etag": '"own"', "location": "/own"}
    headers = {"If-None-Match": "*", "Authorization": f"Bearer {make_token('u1')}"}
    request = ("PUT", f"/users/me/own/{uuid4()}", {"json": {"title": "x"}, "headers": headers})
    (response,) = ask(database, own_put(declared, whole=whole), request, fast_path=fast_path)
    assert response.status_code == 202
    assert [(name, value) for name, value in response.headers.multi_items() if name in declared] == [*declared.items()]


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_request_names_its_route_and_its_endpoint(database: TestDatabase, *, fast_path: bool) -> None:
    """What limits rates, counts or traces looks for them: within the operation, and around it once it is done."""
    router, around = public_router("named", "/named"), []

    @router.get("/{name}")
    async def operation(request: Request, name: str) -> dict[str, str]:
        return {name: request.scope["route"].path}

    class Counting:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)
            if scope["type"] == "http":
                around.append(scope["endpoint"])

    def change(app: FastAPI) -> None:
        app.include_router(router)
        app.add_middleware(Counting)

    (response,) = ask(database, change, ("GET", "/named/x", {}), fast_path=fast_path)
    assert (response.json(), around) == ({"x": "/api/v1/named/{name}"}, [operation])


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_dependency_is_called_also_behind_one_whose_input_is_wrong(
    database: TestDatabase, *, fast_path: bool
) -> None:
    """As FastAPI has it: so what the second one raises is the response, and what is wrong for both is told at once."""
    router = public_router("two", "/two")

    async def first(pages: Annotated[int, Header()]) -> int:
        return pages

    async def second(lines: Annotated[int, Header()]) -> int:
        raise HTTPException(418, str(lines))

    @router.get("")
    async def operation(_: Annotated[int, Depends(first)], __: Annotated[int, Depends(second)]) -> dict[str, str]:
        return {}

    wrong, both = (("GET", "/two", {"headers": {"pages": "many", "lines": lines}}) for lines in ("5", "few"))
    teapot, rejected = ask(database, lambda app: app.include_router(router), wrong, both, fast_path=fast_path)
    assert (teapot.status_code, teapot.json()["detail"]) == (418, "5")
    assert [error["pointer"] for error in rejected.json()["errors"]] == ["/header/pages", "/header/lines"]


class OutOfStockError(Exception):
    """A slice's own."""


def own_handler(kind: type[Exception] | int, *, waits: bool) -> Change:
    """Makes a handler of the application's own, on the event loop or in a thread."""

    def response(_: Request, error: Exception) -> Response:
        return JSONResponse({"handled": type(error).__name__}, 410)

    async def respond_later(request: Request, error: Exception) -> Response:
        return response(request, error)

    def change(app: FastAPI) -> None:
        app.add_exception_handler(kind, respond_later if waits else response)

    return change


@pytest.mark.parametrize("fast_path", [True, False])
@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("kind", [OutOfStockError, Exception, 500])
def test_an_exception_handler_of_the_application_is_called(
    database: TestDatabase, kind: type[Exception] | int, *, waits: bool, fast_path: bool
) -> None:
    def change(app: FastAPI) -> None:
        own_handler(kind, waits=waits)(app)
        raising(OutOfStockError())(app)

    (response,) = ask(database, change, ("GET", "/raise", {}), fast_path=fast_path)
    assert (response.status_code, response.json()) == (410, {"handled": "OutOfStockError"})


@pytest.mark.parametrize("fast_path", [True, False])
@pytest.mark.parametrize("kind", [HTTPException, 418])
def test_a_handler_of_http_exceptions_is_called(
    database: TestDatabase, kind: type[Exception] | int, *, fast_path: bool
) -> None:
    def change(app: FastAPI) -> None:
        own_handler(kind, waits=True)(app)
        raising(HTTPException(418))(app)

    (response,) = ask(database, change, ("GET", "/raise", {}), fast_path=fast_path)
    assert response.json() == {"handled": "HTTPException"}


@pytest.mark.parametrize("fast_path", [True, False])
@pytest.mark.parametrize("kind", [Exception, 500])
def test_a_handler_of_bugs_is_for_no_http_exception(
    database: TestDatabase, kind: type[Exception] | int, *, fast_path: bool
) -> None:
    """As Starlette has it: what says its status is no bug, also where the status is 500."""

    def change(app: FastAPI) -> None:
        own_handler(kind, waits=True)(app)
        raising(HTTPException(500, "Not now."))(app)

    (response,) = ask(database, change, ("GET", "/raise", {}), fast_path=fast_path)
    assert_problem(response, 500, "internal_error", detail="Not now.")


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_bug_without_a_handler_is_500(database: TestDatabase, *, fast_path: bool) -> None:
    (response,) = ask(database, raising(OutOfStockError()), ("GET", "/raise", {}), fast_path=fast_path)
    assert_problem(response, 500, "internal_error")


def test_middleware_sees_every_request_and_every_response(database: TestDatabase) -> None:
    seen: list[str] = []

    class Counting:
        def __init__(self, app: Any, name: str) -> None:
            self.app, self.name = app, name

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                seen.append(f"{self.name} {scope['path']}")
            await self.app(scope, receive, send)

    def change(app: FastAPI) -> None:
        app.add_middleware(Counting, name="inner")
        app.add_middleware(Counting, name="outer")

        @app.middleware("http")
        async def stamp(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
            response = await following(request)
            response.headers["X-Stamp"] = request.method
            return response

    requests: list[tuple[str, str, dict[str, Any]]] = [("GET", "/users/me/tasks", {}), ("GET", "/nothing", {})]
    responses = ask(database, change, *requests)
    assert [(one.status_code, one.headers["x-stamp"]) for one in responses] == [(401, "GET"), (404, "GET")]
    paths = ["/api/v1/users/me/tasks", "/api/v1/nothing"]
    assert seen == [f"{name} {path}" for path in paths for name in ("outer", "inner")]


def test_a_dependency_can_be_overridden(database: TestDatabase) -> None:
    async def word() -> str:
        return "original"

    router = public_router("words", "/words")

    @router.get("")
    async def get_word(found: Annotated[str, Depends(word)]) -> dict[str, str]:
        return {"word": found}

    def change(app: FastAPI) -> None:
        app.include_router(router)
        app.dependency_overrides[word] = lambda: "overridden"

    assert ask(database, change, ("GET", "/words", {}))[0].json() == {"word": "overridden"}
    assert ask(database, lambda app: app.include_router(router), ("GET", "/words", {}))[0].json() == {
        "word": "original"
    }


def _word_router() -> APIRouter:
    router = APIRouter(prefix="/words")

    @router.get("")
    async def get_word() -> dict[str, str]:
        return {"word": "said"}

    return router


def test_a_plain_router_that_is_included_in_a_private_one_is_private(database: TestDatabase) -> None:
    slice_router = private_router("slices", "/users/{user_id}/slices")
    between = APIRouter(prefix="/between")
    between.include_router(_word_router())
    slice_router.include_router(between)

    def get(path: str, user: str | None) -> httpx.Response:
        headers = {} if user is None else {"Authorization": f"Bearer {make_token(user)}"}
        return ask(database, lambda app: app.include_router(slice_router), ("GET", path, {"headers": headers}))[0]

    assert_problem(get("/users/me/slices/between/words", None), 401, "missing_token")
    assert_problem(get("/users/bob/slices/between/words", "ann"), 403, "forbidden")
    assert get("/users/ann/slices/between/words", "ann").json() == {"word": "said"}


def test_the_owner_of_the_path_is_looked_at_wherever_the_path_has_one(database: TestDatabase) -> None:
    router = private_router("people", "/people/{user_id}")

    @router.get("")
    async def get_person(user_id: str) -> dict[str, str]:
        return {"user_id": user_id}

    headers = {"Authorization": f"Bearer {make_token('ann')}"}
    requests = [("GET", f"/people/{who}", {"headers": headers}) for who in ("bob", "ann", "me")]
    for fast_path in (True, False):
        responses = ask(database, lambda app: app.include_router(router), *requests, fast_path=fast_path)
        assert [response.status_code for response in responses] == [403, 200, 200]


def test_an_operation_that_is_neither_private_nor_public_stops_the_start(database: TestDatabase) -> None:
    with pytest.raises(TypeError, match=r"/words: nothing says whether it is private\. Make its router with"):
        ask(database, lambda app: app.include_router(_word_router()))

    def on_the_application(app: FastAPI) -> None:
        app.add_api_route("/words", lambda: "said")

    with pytest.raises(TypeError, match=r"^/words: nothing says who may call this"):
        ask(database, on_the_application, ("GET", "/words", {}))
    with pytest.raises(TypeError, match=r"^/static: nothing says who may call this"):
        ask(database, lambda app: app.mount("/static", FastAPI()), ("GET", "/words", {}))

    def mounted(app: FastAPI) -> None:
        router = private_router("mounts", "/mounts")
        inner = APIRouter()
        inner.mount("/inner", FastAPI())
        router.include_router(inner)
        app.include_router(router)

    with pytest.raises(TypeError, match="this is no HTTP operation; mount it on the application"):
        ask(database, mounted)


async def _form(name: Annotated[str, Form()]) -> None: ...


async def _file(name: Annotated[bytes, File()]) -> None: ...


async def _upload(name: UploadFile) -> None: ...


@pytest.mark.parametrize("endpoint", [_form, _file, _upload])
def test_forms_and_files_stop_the_start_with_what_to_write(endpoint: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"{endpoint.__name__}: form fields and files are not read here. Take a JSON"):
        private_router("forms", "/forms").post("", response_model=None)(endpoint)


class DetailedTask(OutputModel):
    """A response with what a property of the row says."""

    id: UUID
    shouted: str


class Shouted(OutputModel):
    """A page of them."""

    items: list[DetailedTask]


class Shouting(Task):
    """A row with a property."""

    @property
    def shouted(self) -> str:
        """The title, loud."""
        return self.title.upper()


def _rows_router() -> APIRouter:
    router = private_router("rows", "/users/{user_id}/rows")

    async def unused() -> Any:
        yield

    @router.get("/{task_id}", response_model=TaskRead)
    async def get_row(tasks: Tasks, task_id: UUID, _: Annotated[None, Depends(unused)]) -> Task:
        found = await tasks.get(task_id)
        if found is None:
            raise HTTPException(404, "No such row.")
        return found

    @router.get("/{task_id}/in-a-thread", response_model=TaskRead)
    def get_in_a_thread(task_id: UUID) -> Task:
        now = datetime(2030, 1, 31, 9, tzinfo=UTC)
        row: dict[str, Any] = {
            "id": task_id,
            "title": "a",
            "status": "pending",
            "created_at": now,
            "updated_at": now,
            "version": 3,
        }
        return Task.model_construct(description=None, due_at=None, completed_at=None, **row)

    @router.get("/{task_id}/shouted", response_model=DetailedTask)
    async def get_shouted(task_id: UUID) -> Shouting:
        return Shouting.model_construct(id=task_id, title="quiet", version=1)

    @router.get("/{task_id}/all-shouted")
    async def list_shouted(task_id: UUID) -> Shouted:
        return {"items": [Shouting.model_construct(id=task_id, title="quiet", version=1)]}  # type: ignore[return-value]

    @router.get(
        "", openapi_extra={"x-note": "kept", "parameters": []}, responses={403: {"content": {"text/plain": {}}}}
    )
    async def list_rows() -> list[str]:
        return []

    return router


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_row_has_its_etag_by_either_way(database: TestDatabase, *, fast_path: bool) -> None:
    headers = {"Authorization": f"Bearer {make_token(f'rows-{fast_path}')}"}
    change: Change = lambda app: app.include_router(_rows_router())  # noqa: E731
    (made,) = ask(database, change, ("POST", "/users/me/tasks", {"headers": headers, "json": {"title": "Row"}}))
    path = f"/users/me/rows/{made.json()['id']}"
    seen, unchanged, missing, thread, shouted, listed = ask(
        database,
        change,
        ("GET", path, {"headers": headers}),
        ("GET", path, {"headers": {**headers, "If-None-Match": made.headers["etag"]}}),
        ("GET", "/users/me/rows/00000000-0000-7000-8000-000000000000", {"headers": headers}),
        ("GET", f"{path}/in-a-thread", {"headers": headers}),
        ("GET", f"{path}/shouted", {"headers": headers}),
        ("GET", f"{path}/all-shouted", {"headers": headers}),
        fast_path=fast_path,
    )
    assert (seen.status_code, seen.json(), seen.headers["etag"]) == (200, made.json(), made.headers["etag"])
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", made.headers["etag"])
    assert_problem(missing, 404, "not_found", detail="No such row.")
    assert (thread.status_code, "etag" in thread.headers) == (200, True)
    assert shouted.json() == {"id": made.json()["id"], "shouted": "QUIET"}
    assert listed.json() == {"items": [shouted.json()]}


def test_what_a_slice_adds_to_the_document_is_kept(database: TestDatabase) -> None:
    app = create_app(make_settings(), database.proxied_url)
    app.include_router(_rows_router())
    operation = app.openapi()["paths"]["/api/v1/users/{user_id}/rows"]["get"]
    assert (operation["x-note"], operation["security"]) == ("kept", [{"bearer": []}])
    assert set(operation["responses"]["403"]["content"]) == {"text/plain", "application/problem+json"}


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_keyed_create_that_fastapi_serves_is_made_once(database: TestDatabase, *, fast_path: bool) -> None:
    router = private_router("copies", "/users/{user_id}/copies")

    async def unused() -> Any:
        yield

    @router.post("", response_model=TaskRead, status_code=201)
    async def make_copy(tasks: Tasks, body: dict[str, str], _: Annotated[None, Depends(unused)]) -> Task:
        return await tasks.create(TaskCreate(title=body["title"]))

    user = f"copies-{fast_path}"
    headers = {"Authorization": f"Bearer {make_token(user)}", "Idempotency-Key": "one"}
    request = ("POST", "/users/me/copies", {"headers": headers, "json": {"title": "Once"}})
    first, second = ask(database, lambda app: app.include_router(router), request, request, fast_path=fast_path)
    assert (first.status_code, second.status_code, first.json()) == (201, 201, second.json())
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["etag"] == second.headers["etag"]
    assert database.query("SELECT count(*) FROM tasks WHERE user_id = %s", user) == [(1,)]


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_create_may_read_its_body_itself(database: TestDatabase, fast_path: bool) -> None:
    """As a webhook's receiver does: what it takes is no model, and it has a key as every create."""
    router = private_router("raw", "/users/{user_id}/raw")

    @router.post("", response_model=TaskRead, status_code=201)
    async def make_raw(tasks: Tasks, request: Request) -> Task:
        return await tasks.create(TaskCreate.model_validate_json(await request.body()))

    headers = {"Authorization": f"Bearer {make_token(uuid4().hex)}", "Idempotency-Key": "raw"}
    asked = ("POST", "/users/me/raw", {"headers": headers, "json": {"title": "Raw"}})
    first, again = ask(database, lambda app: app.include_router(router), asked, asked, fast_path=fast_path)
    assert (first.status_code, first.json()["title"]) == (201, "Raw")
    assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize("fast_path", [True, False])
def test_who_declares_head_declares_it_of_one_path(database: TestDatabase, fast_path: bool) -> None:
    router = public_router("heads", "/heads")

    @router.head("/own")
    async def of_its_own(response: Response) -> None:
        response.headers["X-Own"] = "yes"

    headers = {"Authorization": f"Bearer {make_token(uuid4().hex)}"}
    asked = [("HEAD", path, {"headers": headers}) for path in ("/heads/own", "/users/me/tasks")]
    own, other = ask(database, lambda app: app.include_router(router), *asked, fast_path=fast_path)
    assert (own.status_code, own.headers["x-own"]) == (200, "yes")
    assert other.status_code == 200
