"""gzip: whole JSON above 1 KiB, for clients that take it; its tag ends in -gzip, and is taken wherever tags are."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse

from core.http.compression import takes_gzip
from core.http.routers import private_router, public_router
from tests.conftest import RunningServer, TestDatabase, UserClient, make_token
from tests.core.http.extended_app import extended_app

LONG = "Water the plants, all of them. " * 100
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
FORMS = [None, "", *("{plain}", "{gzip}", "W/{plain}", "W/{gzip}", '"x", {gzip}', "{plain}, {gzip}", "*")]

# RFC 9110, section 12.5.3: what the client writes, and whether it takes gzip. A list is of several lines.
ACCEPTED: list[tuple[list[str], bool]] = [
    *[([one], True) for one in ("gzip", "GZip", "x-gzip", "X-GZIP", "*", "br, gzip", "br,gzip;q=0.001", "gzip\t;q=1")],
    *[([one], True) for one in ("gzip;q=1.000", "gzip ; q=0.5", "gzip;Q=0.5", "*;q=0.1", "gzip;q=1.", ",,gzip,")],
    *[([one], True) for one in ("identity;q=0, gzip", "identity;q=0.5, gzip;q=0.5", "*;q=0, gzip", "deflate, *")],
    *[([one], True) for one in ("identity;q=0, *;q=0.1", "gzip, gzip;q=0", "gzip, deflate, br, zstd")],
    *[
        ([one], False)
        for one in ("", ",", ", ,", "identity", "br", "deflate, br;q=1", "gzipped", "gz", "xgzip", "gzip2")
    ],
    *[([one], False) for one in ("gzip;q=0", "gzip;q=0.000", "x-gzip;q=0", "*;q=0", "gzip;q=0, *", "identity, *;q=0")],
    *[([one], False) for one in ("gzip;q=0.5, identity", "gzip;q=0.1,identity;q=0.2", "gzip;q=0, gzip")],
    *[([one], False) for one in ("gzip;q=2", "gzip;q=-1", "gzip;q=0.1234", "gzip;q=x", "gzip;q", "gzip;", "gzip;x=1")],
    *[([one], False) for one in ("gzip br", "gzip;q=1;q=0", '"gzip"', "gzip;q= 1")],
    (["br", "gzip"], True),
    (["gzip;q=0", "*"], False),
    (["gzip", "identity;q=0"], True),
    ([], False),
]


@pytest.fixture(scope="module", params=[True, False], ids=["fast", "by FastAPI"])
def server(request: pytest.FixtureRequest, start_server: Callable[..., RunningServer]) -> RunningServer:
    """One on each path."""
    return start_server(fast_path=request.param)


@pytest.fixture
def user(server: RunningServer) -> Iterator[UserClient]:
    """Somebody new."""
    with UserClient(server.url) as made:
        yield made


def is_compressed(response: httpx.Response) -> bool:
    """Whether it is, and all its headers say the same as its content."""
    packed: bool = response.headers.get("content-encoding") == "gzip"
    assert (int(response.headers["content-length"]) < len(response.content)) == packed
    assert response.headers.get("etag", '"').endswith('-gzip"') == (packed and "etag" in response.headers)
    assert (response.headers.get("vary") == "Accept-Encoding") >= packed
    return packed


@pytest.mark.parametrize(("lines", "taken"), ACCEPTED, ids=str)
def test_a_client_gets_what_it_accepts(alice: UserClient, lines: list[str], taken: bool) -> None:
    assert takes_gzip(lines) is taken
    path = f"{alice.tasks}/{alice.create_task(description=LONG)['id']}"
    del alice.headers["accept-encoding"]
    response = alice.get(path, headers=[("Accept-Encoding", one) for one in lines])
    assert is_compressed(response) is taken
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.json()["description"] == LONG


def test_what_is_longer_than_a_kibibyte_is_compressed(user: UserClient) -> None:
    empty = user.create_task(description="")
    room = 1024 - len(json.dumps(empty, separators=(",", ":")))
    for length, packed in ((room, False), (room + 1, True)):
        path = f"{user.tasks}/{empty['id']}"
        changed = user.patch(path, json={"description": "x" * length}, headers=GZIP)
        assert len(changed.content) == 1024 + packed
        assert is_compressed(changed) is is_compressed(user.get(path, headers=GZIP)) is packed
        assert not is_compressed(user.get(path, headers=PLAIN))


def test_a_page_is_compressed_however_long_it_is(user: UserClient) -> None:
    for length in (10, 10_000):
        made = [user.create_task(description="x" * length)["id"] for _ in range(20)]
        page = user.get(f"{user.tasks}?limit=20", headers=GZIP)
        assert is_compressed(page)
        assert [one["id"] for one in page.json()["items"]] == made[::-1]
        assert page.content == user.get(f"{user.tasks}?limit=20", headers=PLAIN).content


def test_a_strong_tag_stands_for_the_same_bytes(alice: UserClient) -> None:
    path = f"{alice.tasks}/{alice.create_task(description=LONG)['id']}"

    def read() -> tuple[str, bytes]:
        with alice.stream("GET", path, headers=GZIP) as response:
            return response.headers["etag"], b"".join(response.iter_raw())

    assert read() == read()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sent", [GZIP, PLAIN], ids=["gzip", "identity"])
def test_a_304_names_the_tag_of_what_the_client_has(user: UserClient, sent: dict[str, str], form: str | None) -> None:
    """A cache uses it for nothing else (RFC 9111, section 4.3.4); where it has both, it is what a 200 would have."""
    path = f"{user.tasks}/{user.create_task(description=LONG)['id']}"
    plain, gzip = (user.get(path, headers=one).headers["etag"] for one in (PLAIN, GZIP))
    assert gzip == f'{plain[:-1]}-gzip"'
    if not form:
        assert user.get(path, headers=sent).status_code == 200
        return
    response = user.get(path, headers={**sent, "If-None-Match": form.format(plain=plain, gzip=gzip)})
    assert (response.status_code, response.content, response.headers["vary"]) == (304, b"", "Accept-Encoding")
    names_gzip = "{gzip}" in form and (sent is GZIP or "{plain}" not in form)
    assert response.headers["etag"] == (gzip if names_gzip else plain)
    assert not {"content-encoding", "content-length"} & response.headers.keys()


def test_a_304_of_what_is_short_names_no_compressed_one(user: UserClient) -> None:
    path = f"{user.tasks}/{user.create_task()['id']}"
    tag = user.get(path, headers=GZIP).headers["etag"]
    response = user.get(path, headers={**GZIP, "If-None-Match": f'"x-gzip", {tag}'})
    assert (response.status_code, response.headers["etag"]) == (304, tag)


def test_tags_of_what_is_compressed_let_a_client_write(user: UserClient) -> None:
    created = user.post(user.tasks, json={"title": "x", "description": LONG}, headers=GZIP)
    assert is_compressed(created)
    path, tag = created.headers["location"], created.headers["etag"]
    for title in "abc":
        changed = user.patch(path, json={"title": title}, headers={**GZIP, "If-Match": tag})
        assert (changed.status_code, is_compressed(changed)) == (200, True)
        tag = changed.headers["etag"]
    rejected = user.delete(path, headers={**GZIP, "If-Match": created.headers["etag"]})
    assert (rejected.status_code, rejected.json()["code"]) == (412, "precondition_failed")
    assert rejected.headers["etag"] == tag.replace("-gzip", "")
    assert user.delete(path, headers={"If-Match": tag}).status_code == 204


def test_a_replay_is_encoded_as_its_own_request_asks(user: UserClient) -> None:
    body = {"title": "x", "description": LONG}
    responses = [
        user.post(user.tasks, json=body, headers={**sent, "Idempotency-Key": "one"}) for sent in (GZIP, PLAIN, GZIP)
    ]
    assert [is_compressed(one) for one in responses] == [True, False, True]
    assert {(one.status_code, one.content) for one in responses} == {(201, responses[0].content)}


def test_a_head_has_the_headers_of_the_get(user: UserClient) -> None:
    """RFC 9110, section 9.3.2."""
    path = f"{user.tasks}/{user.create_task(description=LONG)['id']}"
    for sent in (GZIP, PLAIN):
        whole, head = (user.request(method, path, headers=sent) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content, len(whole.content) > 1024) == (200, b"", True)
        for name in ("date", "x-request-id"):
            del whole.headers[name], head.headers[name]
        assert head.headers == whole.headers


def test_tokens_are_never_compressed(api_server: RunningServer) -> None:
    """How long it is once compressed would tell of the tokens in it (BREACH)."""
    new = {"email": f"{'x' * 60}@example.com", "password": "a long pass phrase", "name": "\U0001f331" * 200}
    with httpx.Client(base_url=f"{api_server.url}/api/v1/auth", headers=GZIP) as client:
        signed_up = client.post("/sign-up", json=new)
        assert (signed_up.status_code, len(signed_up.content) > 1024) == (201, True)
        assert not is_compressed(signed_up)
        assert "vary" not in signed_up.headers
        signed_in = client.post("/sign-in", json={"email": new["email"], "password": new["password"]})
        refreshed = client.post("/refresh", json={"refresh_token": signed_in.json()["refresh_token"]})
        for response in (signed_in, refreshed):
            assert response.status_code == 200
            assert not is_compressed(response)
    with UserClient(api_server.url) as own:
        own.headers["authorization"] = f"Bearer {signed_up.json()['access_token']}"
        profile = own.get("/api/v1/users/me", headers=GZIP)
        assert (profile.json()["name"], profile.status_code) == (new["name"], 200)


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_of_the_documentation_the_document_alone_is_compressed(api: httpx.Client) -> None:
    assert is_compressed(api.get("/openapi.json", headers=GZIP))
    for path in ("/docs", "/swagger/swagger-ui-bundle.js", "/swagger/swagger-ui.css", "/swagger/favicon-32x32.png"):
        assert not is_compressed(api.get(path, headers=GZIP))


def test_a_problem_is_sent_as_it_is(alice: UserClient) -> None:
    nonsense: dict[str, Any] = {f"field_{number}": number for number in range(100)}
    response = alice.post(alice.tasks, json=nonsense, headers=GZIP)
    assert (response.status_code, len(response.content) > 4096) == (400, True)
    assert not is_compressed(response)


def _declare(router: APIRouter, file: Path) -> APIRouter:
    """What an endpoint may respond with, beside a row or a page."""
    whole: dict[str, Callable[[], Response]] = {
        "json": lambda: JSONResponse({"text": LONG}),
        "vary": lambda: JSONResponse({"text": LONG}, headers={"Vary": "Accept-Language"}),
        "varies": lambda: JSONResponse({"text": LONG}, headers={"Vary": "accept-encoding, Origin"}),
        "tag": lambda: JSONResponse({"text": LONG}, headers={"ETag": '"own"'}),
        "weak": lambda: JSONResponse({"text": LONG}, headers={"ETag": 'W/"own"'}),
        "no-length": lambda: _without_length(JSONResponse({"text": LONG})),
        "secret": lambda: JSONResponse({"text": LONG}, headers={"Cache-Control": "no-transform"}),
        "encoded": lambda: JSONResponse({"text": LONG}, headers={"Content-Encoding": "identity"}),
        "text": lambda: PlainTextResponse(LONG),
        "accepted": lambda: JSONResponse({"text": LONG}, 202),
        "empty": lambda: Response(status_code=204),
        "short": lambda: JSONResponse({"text": "x"}),
        "stream": lambda: StreamingResponse(_pieces(), media_type="application/json"),
        "file": lambda: FileResponse(file, media_type="application/json"),
    }
    for name, make in whole.items():
        router.get(f"/{name}")(make)
    return router


def _without_length(response: Response) -> Response:
    del response.headers["content-length"]
    return response


async def _pieces() -> AsyncIterator[str]:
    yield f'{{"text": "{LONG}'
    yield f'{LONG}"}}'


def test_what_an_endpoint_responds_with_is_compressed_if_it_is_whole_json(
    database: TestDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"text": LONG * 1000}))
    private = _declare(private_router("own", "/users/{user_id}/own"), file)
    public = _declare(public_router("anybody", "/anybody"), file)
    headers = {**GZIP, "Authorization": f"Bearer {make_token('somebody')}"}

    async def ask(prefix: str, sent: dict[str, str]) -> dict[str, httpx.Response]:
        async with extended_app(private, public, database=database) as client:
            names = [route.path.rsplit("/", 1)[1] for route in private.routes]  # type: ignore[attr-defined]
            return {name: await client.get(f"/api/v1{prefix}/{name}", headers=sent) for name in names}

    given = asyncio.run(ask("/users/me/own", headers))
    packed = {name for name, one in given.items() if one.headers.get("content-encoding") == "gzip"}
    assert packed == {"json", "vary", "varies", "tag", "weak", "no-length"}
    assert {given[name].json()["text"] for name in packed} == {LONG}
    tags = [given[name].headers["etag"] for name in ("tag", "weak")]
    assert tags == ['"own-gzip"', 'W/"own"']
    vary = [given[name].headers.get_list("vary") for name in ("json", "vary", "varies", "text")]
    assert vary == [["Accept-Encoding"], ["Accept-Language, Accept-Encoding"], ["accept-encoding, Origin"], []]
    assert given["encoded"].headers.get_list("content-encoding") == ["identity"]
    assert given["secret"].headers.get_list("cache-control") == ["no-transform", "no-store"]
    anybody = asyncio.run(ask("/anybody", GZIP))
    assert "gzip" not in [one.headers.get("content-encoding") for one in anybody.values()]
    for name, one in anybody.items():
        assert one.content == given[name].content, name
