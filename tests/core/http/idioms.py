"""What FastAPI's own tutorial shows, one endpoint each: declared on whatever router it is given."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Path,
    Query,
    Request,
    Response,
    status,
)
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DONE: list[str] = []


class Kind(StrEnum):
    """A choice."""

    LAMP = "lamp"
    CHAIR = "chair"


class Item(BaseModel):
    """A body."""

    name: str
    description: str | None = None
    price: float
    tags: list[str] = []


class Camel(BaseModel):
    """A body and a response whose names on the wire are not Python's."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    due_at: datetime | None = None
    item_name: str


class User(BaseModel):
    """Another body."""

    username: str


class UserOut(BaseModel):
    """A response without what it must not show."""

    username: str


class Filters(BaseModel):
    """Query parameters as a model."""

    limit: int = Field(100, gt=0, le=100)
    order_by: Literal["created_at", "updated_at"] = "created_at"
    tags: list[str] = []
    marks: list[int] | None = None
    pair: tuple[int, int] | None = None
    kind: Annotated[Kind | None, Field(alias="k")] = None


class Aliases(BaseModel):
    """Query parameters whose names on the wire are not Python's."""

    page_size: int = Field(10, alias="page-size")
    words: list[str] = Field([], alias="word")


class Headers(BaseModel):
    """Header parameters as a model."""

    save_data: bool
    if_modified_since: str | None = None
    x_tag: list[str] = []


class Pager:
    """A class as a dependency."""

    def __init__(self, q: str | None = None, skip: int = 0) -> None:
        self.q, self.skip = q, skip


class Checker:
    """A parametrised dependency."""

    def __init__(self, fixed: str) -> None:
        self.fixed = fixed

    def __call__(self, q: str = "") -> bool:
        """Whether it is in `q`."""
        return self.fixed in q


async def signed(request: Request) -> int:
    """As who compares a signature of the body with a header."""
    return len(await request.body())


async def counted(request: Request) -> int:
    """How often it was called in this request."""
    request.state.count = getattr(request.state, "count", 0) + 1
    return int(request.state.count)


def in_thread(q: str = "none") -> str:
    """A plain `def` dependency."""
    return q


async def yielding() -> AsyncIterator[str]:
    """A dependency with yield."""
    DONE.append("begun")
    try:
        yield "resource"
    finally:
        DONE.append("ended")


def yielding_in_thread() -> Iterator[str]:
    """The same without async."""
    yield "thread"


async def twice(one: Annotated[int, Depends(counted)]) -> int:
    """Depends on what the endpoint depends on too."""
    return one


async def reject_without_key(x_key: Annotated[str, Header()]) -> None:
    """A dependency of a route, for what it raises alone."""
    if x_key != "fake-super-secret-key":
        raise HTTPException(status_code=400, detail="X-Key header invalid")


async def stamped(response: Response) -> None:
    """A dependency of a router."""
    response.headers["X-Stamp"] = "outer"


def declare(router: APIRouter) -> None:  # noqa: C901, PLR0915 (one after the other)
    """The endpoints, in the order of the tutorial."""

    @router.get("/no-annotation")
    async def no_annotation():  # type: ignore[no-untyped-def]
        return {"message": "Hello World"}

    @router.get("/sync")
    def in_a_thread() -> dict[str, str]:
        return {"message": "Hello World"}

    @router.get("/items/{item_id}")
    async def path_parameter(item_id: int) -> dict[str, int]:
        return {"item_id": item_id}

    @router.get("/kinds/{kind}")
    async def path_choice(kind: Kind) -> dict[str, Kind]:
        return {"kind": kind}

    @router.get("/files/{file_path:path}")
    async def path_of_a_path(file_path: str) -> dict[str, str]:
        return {"file_path": file_path}

    @router.get("/files/readme")
    async def path_behind_a_wider_one() -> dict[str, str]:
        return {"never": "reached"}

    @router.get("/named/{name}.json")
    async def path_with_a_suffix(name: str) -> dict[str, str]:
        return {"name": name}

    @router.get("/named/{name}")
    async def path_behind_one_with_a_suffix(name: str) -> dict[str, str]:
        return {"whole": name}

    @router.get("/bounded/{number}")
    async def bounded(number: Annotated[int, Path(ge=1, le=1000)], q: str | None = None) -> dict[str, Any]:
        return {"number": number, "q": q}

    @router.get("/query")
    async def query(
        skip: int = 0, limit: int = 10, short: bool = False, q: Annotated[str | None, Query(max_length=9)] = None
    ) -> dict[str, Any]:
        return {"skip": skip, "limit": limit, "short": short, "q": q}

    @router.get("/query-list")
    async def query_list(q: Annotated[list[str], Query()] = ["foo"], n: Annotated[int, Query(alias="n-n")] = 1) -> Any:  # noqa: B006
        return {"q": q, "n": n}

    @router.get("/query-model")
    async def query_model(filters: Annotated[Filters, Query()]) -> Filters:
        return filters

    @router.get("/query-aliases")
    async def query_aliases(given: Annotated[Aliases, Query()]) -> Aliases:
        return given

    @router.post("/body")
    async def body(item: Item) -> Item:
        return item

    @router.post("/optional-body")
    async def optional_body(item: Item | None = None) -> dict[str, bool]:
        return {"given": item is not None}

    @router.put("/two-bodies/{item_id}")
    async def two_bodies(
        item_id: int, item: Item, user: User, importance: Annotated[int, Body(gt=0)], q: str | None = None
    ) -> dict[str, Any]:
        return {"item_id": item_id, "item": item, "user": user, "importance": importance, "q": q}

    @router.put("/embedded")
    async def embedded(item: Annotated[Item, Body(embed=True)]) -> Item:
        return item

    @router.post("/list-body")
    async def list_body(items: list[Item]) -> list[str]:
        return [item.name for item in items]

    @router.post("/dict-body")
    async def dict_body(weights: dict[int, float]) -> dict[int, float]:
        return weights

    @router.put("/extra-types/{item_id}")
    async def extra_types(
        item_id: UUID, start: Annotated[datetime, Body()], after: Annotated[timedelta, Body()]
    ) -> dict[str, Any]:
        return {"item_id": item_id, "at": start + after}

    @router.get("/cookie")
    async def cookie(ads_id: Annotated[str | None, Cookie()] = None) -> dict[str, str | None]:
        return {"ads_id": ads_id}

    @router.get("/header")
    async def header(
        user_agent: Annotated[str | None, Header()] = None, x_token: Annotated[list[str] | None, Header()] = None
    ) -> dict[str, Any]:
        return {"user_agent": user_agent, "x_token": x_token}

    @router.get("/header-model")
    async def header_model(headers: Annotated[Headers, Header()]) -> Headers:
        return headers

    @router.post("/camel")
    async def camel(given: Camel) -> Camel:
        return given

    @router.post("/response-model", response_model=UserOut)
    async def response_model() -> Any:
        return {"username": "ann", "password": "never shown"}

    @router.get("/include", response_model=Item, response_model_include={"name", "price"})
    async def include() -> Any:
        return {"name": "Foo", "price": 5, "description": "left out"}

    @router.get("/exclude", response_model=Item, response_model_exclude={"price"})
    async def exclude() -> Any:
        return {"name": "Foo", "price": 5}

    @router.get("/exclude-unset", response_model=Item, response_model_exclude_unset=True)
    async def exclude_unset() -> Any:
        return {"name": "Foo", "price": 5}

    @router.get("/exclude-none", response_model=Item, response_model_exclude_none=True)
    async def exclude_none() -> Any:
        return {"name": "Foo", "price": 5}

    @router.get("/exclude-defaults", response_model=Item, response_model_exclude_defaults=True)
    async def exclude_defaults() -> Any:
        return {"name": "Foo", "price": 5, "tags": []}

    @router.post("/created", status_code=status.HTTP_201_CREATED)
    async def created(name: str) -> dict[str, str]:
        return {"name": name}

    @router.put("/status/{number}", status_code=200)
    async def changed_status(number: int, response: Response) -> dict[str, int]:
        response.status_code = status.HTTP_202_ACCEPTED
        response.headers["X-Cat-Dog"] = "alone in the world"
        response.set_cookie(key="fakesession", value="fake")
        return {"number": number}

    @router.get("/changed-status-of-a-row", response_model=User)
    async def changed_status_of_a_row(response: Response) -> Any:
        response.status_code = status.HTTP_203_NON_AUTHORITATIVE_INFORMATION
        return {"username": "ann"}

    @router.delete("/nothing", status_code=status.HTTP_204_NO_CONTENT)
    async def nothing() -> None:
        return None

    @router.get("/null")
    async def null() -> None:
        return None

    @router.get("/html", response_class=HTMLResponse)
    async def html() -> str:
        return "<h1>Look ma! HTML!</h1>"

    @router.get("/plain-text", response_class=PlainTextResponse)
    async def plain_text() -> str:
        return "Hello World"

    @router.get("/redirect", response_class=RedirectResponse)
    async def redirect() -> str:
        return "/somewhere"

    @router.get("/own-response")
    async def own_response() -> Response:
        return JSONResponse({"message": "own"}, status_code=203, headers={"X-Own": "yes"})

    @router.get("/own-response-beside-a-model", response_model=User)
    async def own_response_beside_a_model() -> Any:
        return JSONResponse({"message": "own"}, status_code=203)

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"a", b"b", b"c"):
                yield part

        return StreamingResponse(parts(), media_type="text/plain")

    @router.get("/class-dependency")
    async def class_dependency(pager: Annotated[Pager, Depends()]) -> dict[str, Any]:
        return {"q": pager.q, "skip": pager.skip}

    @router.get("/callable-dependency")
    async def callable_dependency(found: Annotated[bool, Depends(Checker("bar"))]) -> dict[str, bool]:
        return {"found": found}

    router.add_api_route("/callable-endpoint", Checker("bar"))

    @router.get("/thread-dependency")
    async def thread_dependency(q: Annotated[str, Depends(in_thread)]) -> dict[str, str]:
        return {"q": q}

    @router.get("/same-dependency-twice")
    async def same_twice(one: Annotated[int, Depends(counted)], two: Annotated[int, Depends(twice)]) -> dict[str, int]:
        return {"one": one, "two": two}

    @router.get("/yield")
    async def with_yield(found: Annotated[str, Depends(yielding)]) -> dict[str, str]:
        DONE.append("running")
        return {"found": found}

    @router.get("/yield-in-thread")
    async def with_yield_in_thread(found: Annotated[str, Depends(yielding_in_thread)]) -> dict[str, str]:
        return {"found": found}

    @router.get("/route-dependency", dependencies=[Depends(reject_without_key)])
    async def route_dependency() -> dict[str, str]:
        return {"status": "let in"}

    @router.get("/bearer")
    async def bearer(given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, str]:
        return {"scheme": given.scheme, "credentials": given.credentials}

    @router.post("/background", status_code=202)
    async def background(tasks: BackgroundTasks) -> dict[str, str]:
        tasks.add_task(DONE.append, "in the background")
        return {"message": "sent"}

    @router.get("/request")
    async def own_request(request: Request) -> dict[str, Any]:
        return {"path": request.url.path, "method": request.method}

    @router.post("/raw-body")
    async def raw_body(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    @router.post("/raw-body-beside-a-model")
    async def raw_body_beside_a_model(item: Item, request: Request) -> dict[str, Any]:
        return {"name": item.name, "length": len(await request.body()), "json": await request.json()}

    @router.post("/raw-body-in-a-dependency")
    async def raw_body_in_a_dependency(item: Item, length: Annotated[int, Depends(signed)]) -> dict[str, Any]:
        return {"name": item.name, "length": length}

    @router.post("/streamed-body-beside-a-model")
    async def streamed_body_beside_a_model(item: Item, request: Request) -> dict[str, Any]:
        return {"name": item.name, "length": sum([len(chunk) async for chunk in request.stream()])}

    @router.get("/pair/{one}-{two}")
    async def pair(one: str, two: str) -> list[str]:
        return [one, two]

    @router.get("/emptied", response_model=User)
    async def emptied(response: Response) -> Any:
        response.status_code = status.HTTP_204_NO_CONTENT
        return {"username": "ann"}

    @router.get("/teapot/{number}")
    async def raises(number: int) -> None:
        raise HTTPException(number, detail="as it was said", headers={"X-Error": "There goes my error"})


def nested() -> APIRouter:
    """A plain router in a plain router."""
    inner = APIRouter(prefix="/inner", tags=["inner"])
    declare_one(inner)
    outer = APIRouter(prefix="/outer", dependencies=[Depends(stamped)])
    outer.include_router(inner)
    declare_one(outer)
    return outer


def declare_one(router: APIRouter) -> None:
    """One endpoint."""

    @router.get("/one")
    async def one() -> dict[str, str]:
        return {"one": "found"}


@asynccontextmanager
async def plain(router: APIRouter) -> AsyncIterator[FastAPI]:
    """FastAPI as it is, with the router."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    app.include_router(router)
    yield app
