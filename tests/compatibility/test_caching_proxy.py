"""Several people, tabs and browsers behind one caching nginx, with HTTP_CACHE=private: everybody sees their own."""

import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest

from core.tokens.verifier import Principal
from tests.compatibility.test_proxies import nginx_before
from tests.conftest import TestDatabase, UserClient, make_token
from tests.core.api_process import ApiProcess

ME = "/api/v1/users/me"
ORIGINS = ("https://app.example.com", "https://other.example.com")
PROGRAM = (sys.executable, "main.py")

# A cache that keeps what it may, for a minute; what is sent says whether it came from there.
CACHES = (
    "proxy_cache_path {folder}/cache keys_zone=tasks:1m; proxy_cache tasks; proxy_cache_valid 200 1m; "
    "proxy_cache_revalidate on; add_header X-Cache $upstream_cache_status always;"
)
# The same, told to keep everything: all that is left between two people is Vary.
_KEEPS_ALL = f"{CACHES} proxy_ignore_headers Cache-Control;"

# The application with a defect: what `allow` says of caches, one line for each part of it that protects.
_DEFECT = """
from core.http import caching
{}
import main
main.main()
"""
_PUBLIC = 'caching._PRIVATE = (b"cache-control", b"public")'
_NO_VARY = "caching.with_vary = lambda headers, *names: headers"


class Tab(NamedTuple):
    """One tab: whose, of which browser. Two tabs of a browser in which two people are signed in share its headers."""

    user: str
    token: str
    origin: str
    encoding: str


class Seen:
    """What all tabs saw: what was not theirs to see, and how much came out of the proxy's cache."""

    def __init__(self) -> None:
        self.foreign: list[str] = []
        self.cache: Counter[str] = Counter()

    def look(self, tab: Tab, response: httpx.Response) -> None:
        """Notes what is wrong with a response."""
        self.cache[response.headers.get("x-cache", "none")] += 1
        own, tags = Principal(tab.user).tag, response.headers.get("etag", "")
        wrong = [
            response.status_code not in (200, 304),
            bool(tags) and f"-{own}" not in tags,
            response.headers.get("access-control-allow-origin") != tab.origin,
            "gzip" not in tab.encoding and "content-encoding" in response.headers,
            response.status_code == 200 and set(_owners(response)) != {tab.user},
        ]
        if any(wrong):
            self.foreign.append(f"{tab.user} at {response.request.url.path}: {response.status_code} {wrong}")


def _owners(response: httpx.Response) -> Iterator[str]:
    """Whose rows these are: each title and each name says it."""
    body = response.json()
    for row in body.get("items", [body]):
        yield str(row.get("title") or row["id"])


def _browse(url: str, tab: Tab, addresses: list[str], rounds: int, seen: Seen) -> None:
    """Reads again and again, now and then with the tag that it has; writes to its own task in between."""
    chance = random.Random(f"{tab.user} {tab.token} {tab.origin}")
    headers = {"Authorization": f"Bearer {tab.token}", "Origin": tab.origin, "Accept-Encoding": tab.encoding}
    tags: dict[str, str] = {}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        for _ in range(rounds):
            address = chance.choice(addresses)
            known = {"If-None-Match": tags[address]} if address in tags and chance.random() < 0.5 else {}
            response = client.get(address, headers=known)
            seen.look(tab, response)
            if "etag" in response.headers:
                tags[address] = response.headers["etag"]
            if chance.random() < 0.1:
                description = "long " * chance.choice([1, 500])
                assert client.patch(addresses[-1], json={"description": description}).status_code == 200


def _tabs(users: list[str]) -> list[Tab]:
    """Each user in two browsers, there with a token of its own, in two tabs; the browsers take other encodings."""
    browsers = zip(ORIGINS, ("gzip, deflate, br", "identity"), strict=True)
    return [
        Tab(user, make_token(user, jti=f"{origin}"), origin, encoding)
        for origin, encoding in browsers
        for user in users
        for _ in range(2)
    ]


def addresses_for(api: ApiProcess, database: TestDatabase, users: list[str]) -> list[str]:
    """What all of them read: the last is a task that each has under the same id, as ids that clients make allow."""
    task_id = str(uuid4())
    for user in users:
        with UserClient(api.url, user) as caller:
            assert caller.get(ME).status_code == 200
            sql = "INSERT INTO tasks (user_id, id, title, status) VALUES (%s, %s, %s, 'pending')"
            database.query(sql, user, task_id, user)
            for _ in range(10):
                caller.create_task(title=user)
    return [ME, f"{ME}/tasks", f"{ME}/tasks?limit=2", f"{ME}/tasks/{task_id}"]


@contextmanager
def _tried(database: TestDatabase, folder: Path, caches: str, defects: list[str], rounds: int) -> Iterator[Seen]:
    """What all tabs together see through such a proxy. Of what has no tag a proxy that keeps all is not asked."""
    program = (sys.executable, "-c", _DEFECT.format("\n".join(defects))) if defects else PROGRAM
    users = [f"{name}-{uuid4().hex}" for name in ("alice", "bob")]
    origins = ",".join(ORIGINS)
    with ApiProcess(database.proxied_url, program=program, HTTP_CACHE="private", CORS_ORIGINS=origins) as api:
        addresses = addresses_for(api, database, users)
        if caches is _KEEPS_ALL:
            with UserClient(api.url, users[0]) as caller:
                addresses = [one for one in addresses if "etag" in caller.get(one).headers]
        with nginx_before(folder, api.port, caches.format(folder=folder)) as nginx:
            seen, tabs = Seen(), _tabs(users)
            with ThreadPoolExecutor(len(tabs)) as threads:
                url = f"http://127.0.0.1:{nginx.kept_port}"
                for one in [threads.submit(_browse, url, tab, addresses, rounds, seen) for tab in tabs]:
                    one.result()
            yield seen


@pytest.mark.parametrize("defects", [[], [_NO_VARY]], ids=["as it is", "without Vary"])
def test_nobody_sees_anothers_response(
    database: TestDatabase, tmp_path: Path, defects: list[str], *, small: bool
) -> None:
    """A proxy that does as it is told keeps nothing of it, and needs no Vary."""
    with _tried(database, tmp_path, CACHES, defects, 30 if small else 200) as seen:
        assert (seen.foreign, seen.cache["HIT"]) == ([], 0)


def test_nobody_sees_anothers_response_where_the_proxy_keeps_all(
    database: TestDatabase, tmp_path: Path, *, small: bool
) -> None:
    """What nobody should set up; yet tokens, origins and encodings stay apart."""
    with _tried(database, tmp_path, _KEEPS_ALL, [], 30 if small else 200) as seen:
        assert seen.foreign == []
        assert seen.cache["HIT"] > len(_tabs(["one"]))


@pytest.mark.parametrize(
    ("caches", "defects"), [(CACHES, [_PUBLIC, _NO_VARY]), (_KEEPS_ALL, [_NO_VARY])], ids=["public", "without Vary"]
)
def test_a_defect_would_be_seen(database: TestDatabase, tmp_path: Path, caches: str, defects: list[str]) -> None:
    """The same, with what protects taken away: somebody sees what is not theirs."""
    with _tried(database, tmp_path, caches, defects, 30) as seen:
        assert seen.foreign
        assert seen.cache["HIT"]
