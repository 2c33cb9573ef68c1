"""What caches may keep: nothing by default; with HTTP_CACHE=private what has an ETag, in one person's browser."""

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import APIRouter, HTTPException, Response

from core.config import ConfigurationError
from core.http.routers import private_router, public_router
from tests.conftest import RunningServer, TestDatabase, UserClient, make_settings, make_token
from tests.contract.operations import document, operations
from tests.core.http.extended_app import extended_app

APP = "https://app.example.com"
PRIVATE, NO_STORE = ["private, no-cache"], ["no-store"]
VARY = {"authorization", "origin", "accept-encoding"}
ME = "/api/v1/users/me"


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "by FastAPI"])
def private_server(request: pytest.FixtureRequest, start_server: Callable[..., RunningServer]) -> RunningServer:
    """One on each path whose responses a browser may keep."""
    return start_server(http_cache="private", cors_origins=(APP,), fast_path=request.param)


@pytest.fixture
def user(private_server: RunningServer) -> Iterator[UserClient]:
    """Somebody new there."""
    with UserClient(private_server.url) as made:
        yield made


def rule(response: httpx.Response) -> list[str]:
    """Its Cache-Control, of which there is one line, as of Vary; which says enough where it may be kept."""
    found = response.headers.get_list("cache-control")
    if found == PRIVATE:
        assert {name.strip().lower() for name in response.headers["vary"].split(",")} == VARY
        assert len(response.headers.get_list("vary")) == 1
        assert "etag" in response.headers
    return found


@pytest.mark.parametrize("description", ["short", "long " * 500])
@pytest.mark.parametrize("origin", [None, APP, "https://evil.example.com"])
def test_what_has_a_tag_may_be_kept_and_asked_about(user: UserClient, origin: str | None, description: str) -> None:
    if origin is not None:
        user.headers["origin"] = origin
    task = f"{ME}/tasks/{user.create_task(description=description)['id']}"
    for path in (ME, task):
        for method in ("GET", "HEAD"):
            for encoding in ("gzip", "identity"):
                whole = user.request(method, path, headers={"Accept-Encoding": encoding})
                unchanged = {"Accept-Encoding": encoding, "If-None-Match": whole.headers["etag"]}
                again = user.request(method, path, headers=unchanged)
                assert (whole.status_code, again.status_code) == (200, 304)
                assert rule(whole) == rule(again) == PRIVATE
                assert again.headers["etag"] == whole.headers["etag"]


def test_every_get_of_ones_own_is_kept_exactly_if_it_has_a_tag(user: UserClient) -> None:
    published = operations(document())
    paths = [one.path for one in published if one.method.upper() == "GET"]
    creates = {one.path: one for one in published if one.method == "post"}
    assert len(paths) >= 5
    for path in paths:
        create = creates.get(path.rpartition("/{")[0])
        made = user.request(**create.request(user.user_id)).headers["location"] if create else ""
        response = user.get(made or path.replace("{user_id}", "me"))
        assert response.status_code == 200, path
        kept = "etag" in response.headers and path.startswith("/api/v1/users/")
        assert rule(response) == (PRIVATE if kept else NO_STORE), path


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_nothing_else_may_be_kept(user: UserClient) -> None:
    created = user.post(user.tasks, json={"title": "x"})
    path, tag = created.headers["location"], created.headers["etag"]
    account = {"email": f"{user.user_id}@example.com", "password": "a long pass phrase"}
    responses = [
        created,
        user.put(path, json={"title": "y"}),
        user.patch(path, json={"title": "z"}),
        user.patch(path, json={"title": "old"}, headers={"If-Match": tag}),
        user.get(f"{path}?nonsense=1"),
        user.get(f"{user.tasks}/00000000-0000-7000-8000-000000000000"),
        user.get("/api/v1/users/somebody", headers={"If-None-Match": "*"}),
        user.get("/nothing"),
        user.put(user.tasks),
        user.delete(path),
        user.get("/health/live"),
        user.get("/openapi.json"),
        user.options(path, headers={"Origin": APP, "Access-Control-Request-Method": "GET"}),
        user.post("/api/v1/auth/sign-up", json=account),
        user.post("/api/v1/auth/sign-in", json=account),
    ]
    del user.headers["authorization"]
    responses.append(user.get(path, headers={"If-None-Match": "*"}))
    statuses = {one.status_code for one in responses}
    assert statuses == {200, 201, 204, 400, 401, 403, 404, 405, 412}
    for response in responses:
        assert rule(response) == NO_STORE, response.request.url


def test_by_default_nothing_may_be_kept(alice: UserClient) -> None:
    path = f"{alice.tasks}/{alice.create_task()['id']}"
    for one in (ME, path):
        whole = alice.get(one)
        again = alice.get(one, headers={"If-None-Match": whole.headers["etag"]})
        assert (again.status_code, rule(whole), rule(again)) == (304, NO_STORE, NO_STORE)


def _tagged(router: APIRouter) -> APIRouter:
    """An endpoint that gives a tag of its own, and one that fails with one."""

    @router.get("/found")
    async def get_found(response: Response) -> dict[str, str]:
        response.headers["ETag"] = '"own"'
        return {"text": "own"}

    @router.get("/missing")
    async def get_missing() -> None:
        raise HTTPException(404, headers={"ETag": '"own"'})

    return router


def test_what_anybody_may_read_or_is_not_there_may_not_be_kept(database: TestDatabase) -> None:
    private, public = _tagged(private_router("own", "/own")), _tagged(public_router("anybody", "/anybody"))
    headers = {"Authorization": f"Bearer {make_token('somebody')}"}

    async def ask() -> list[httpx.Response]:
        async with extended_app(private, public, database=database, http_cache="private") as client:
            paths = [f"/api/v1/{one}/{what}" for one in ("own", "anybody") for what in ("found", "missing")]
            return [await client.get(path, headers=headers) for path in paths]

    found = [(one.status_code, one.headers["etag"], rule(one)) for one in asyncio.run(ask())]
    missing = (404, '"own"', NO_STORE)
    assert found == [(200, '"own"', PRIVATE), missing, (200, '"own"', NO_STORE), missing]


def test_other_rules_stop_the_start() -> None:
    for value in ("public", "Private", "private, max-age=60", "true"):
        with pytest.raises(ConfigurationError, match="HTTP_CACHE"):
            make_settings(http_cache=value)
