"""FastAPI as its tutorial shows it: every idiom behaves here as it does there, behind the guarantees of this API."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from core.http.routers import public_router
from tests.conftest import TestDatabase
from tests.core.http import idioms
from tests.core.http.extended_app import extended_app

SOME_ID = "0190a7c8-0000-7000-8000-000000000001"
ITEM = {"name": "Foo", "price": 35.4}
# What every response of this API has besides, and what the transport adds.
OURS = {"x-request-id", "x-content-type-options", "cache-control", "date", "server"}

IDIOMS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/no-annotation", {}),
    ("GET", "/sync", {}),
    ("GET", "/items/3", {}),
    ("GET", "/kinds/lamp", {}),
    ("GET", "/files//home/johndoe/myfile.txt", {}),
    ("GET", "/files/one", {}),
    ("GET", "/files/readme", {}),
    ("GET", "/named/one.json", {}),
    ("GET", "/named/one", {}),
    ("GET", "/bounded/5", {"params": {"q": "x"}}),
    ("GET", "/query", {}),
    ("GET", "/query", {"params": {"skip": "3", "short": "yes", "q": "fixed"}}),
    ("GET", "/query-list", {}),
    ("GET", "/query-list", {"params": {"q": ["a", "b"], "n-n": "4"}}),
    ("GET", "/query-model", {}),
    ("GET", "/query-model", {"params": {"tags": ["a", "b"], "marks": ["1", "2"], "pair": ["1", "2"], "k": "lamp"}}),
    ("GET", "/query-aliases", {"params": {"page-size": "3", "word": ["a", "b"]}}),
    ("POST", "/body", {"json": ITEM}),
    ("POST", "/optional-body", {}),
    ("POST", "/optional-body", {"json": ITEM}),
    ("PUT", "/two-bodies/3", {"json": {"item": ITEM, "user": {"username": "ann"}, "importance": 5}}),
    ("PUT", "/embedded", {"json": {"item": ITEM}}),
    ("POST", "/list-body", {"json": [ITEM, ITEM]}),
    ("POST", "/dict-body", {"json": {"1": 2.5}}),
    ("PUT", f"/extra-types/{SOME_ID}", {"json": {"start": "2030-01-31T09:00:00Z", "after": "PT1H"}}),
    ("GET", "/cookie", {}),
    ("GET", "/cookie", {"headers": {"Cookie": "ads_id=7"}}),
    ("GET", "/header", {"headers": [("X-Token", "foo"), ("X-Token", "bar"), ("User-Agent", "me")]}),
    ("GET", "/header-model", {"headers": [("Save-Data", "on"), ("X-Tag", "a"), ("X-Tag", "b")]}),
    ("POST", "/camel", {"json": {"dueAt": "2030-01-31T09:00:00Z", "itemName": "lamp"}}),
    ("POST", "/response-model", {}),
    ("GET", "/include", {}),
    ("GET", "/exclude", {}),
    ("GET", "/exclude-unset", {}),
    ("GET", "/exclude-none", {}),
    ("GET", "/exclude-defaults", {}),
    ("POST", "/created", {"params": {"name": "Foo"}}),
    ("PUT", "/status/3", {}),
    ("GET", "/changed-status-of-a-row", {}),
    ("DELETE", "/nothing", {}),
    ("GET", "/null", {}),
    ("GET", "/html", {}),
    ("GET", "/plain-text", {}),
    ("GET", "/redirect", {}),
    ("GET", "/own-response", {}),
    ("GET", "/own-response-beside-a-model", {}),
    ("GET", "/stream", {}),
    ("GET", "/class-dependency", {"params": {"q": "a", "skip": "2"}}),
    ("GET", "/callable-dependency", {"params": {"q": "foobar"}}),
    ("GET", "/callable-endpoint", {"params": {"q": "foobar"}}),
    ("GET", "/thread-dependency", {"params": {"q": "a"}}),
    ("GET", "/same-dependency-twice", {}),
    ("GET", "/yield", {}),
    ("GET", "/yield-in-thread", {}),
    ("GET", "/route-dependency", {"headers": {"X-Key": "fake-super-secret-key"}}),
    ("GET", "/bearer", {"headers": {"Authorization": "Bearer anything"}}),
    ("POST", "/background", {}),
    ("GET", "/request", {}),
    ("POST", "/raw-body", {"content": b"\x00 anything"}),
    ("POST", "/raw-body-beside-a-model", {"json": ITEM}),
    ("POST", "/raw-body-in-a-dependency", {"json": ITEM}),
    ("POST", "/streamed-body-beside-a-model", {"json": ITEM}),
    ("GET", "/pair/one-two", {}),
    ("GET", "/emptied", {}),
    ("GET", "/outer/one", {}),
    ("GET", "/outer/inner/one", {}),
]


def _declared(router: APIRouter) -> APIRouter:
    idioms.declare(router)
    router.include_router(idioms.nested())
    return router


async def _of_plain() -> list[httpx.Response]:
    async with idioms.plain(_declared(APIRouter(prefix="/api/v1/idioms"))) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.request(method, f"/api/v1/idioms{path}", **sent) for method, path, sent in IDIOMS]


async def _of_ours(database: TestDatabase, *, fast_path: bool) -> list[httpx.Response]:
    router = public_router("idioms", "/idioms")
    _declared(router)
    async with extended_app(router, database=database, fast_path=fast_path) as client:
        return [await client.request(method, f"/api/v1/idioms{path}", **sent) for method, path, sent in IDIOMS]


def _seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    # FastAPI names the type of content that is not there.
    left_out = OURS | {"content-type"} if response.status_code == 204 else OURS
    return response.status_code, response.content, {k: v for k, v in response.headers.items() if k not in left_out}


@pytest.mark.parametrize("fast_path", [True, False])
def test_every_idiom_gives_what_plain_fastapi_gives(database: TestDatabase, fast_path: bool) -> None:
    idioms.DONE.clear()
    expected = asyncio.run(_of_plain())
    done = idioms.DONE.copy()
    idioms.DONE.clear()
    given = asyncio.run(_of_ours(database, fast_path=fast_path))
    assert all(response.status_code < 400 for response in expected)
    assert len(IDIOMS) == len(given) > 50
    for (method, path, sent), theirs, ours in zip(IDIOMS, expected, given, strict=True):
        assert _seen(ours) == _seen(theirs), (method, path, sent)
    assert done == idioms.DONE == ["begun", "running", "ended", "in the background"]
