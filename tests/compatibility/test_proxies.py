"""Proxies as they are by default: nginx with kept connections, HAProxy, and clients of both families of addresses."""

import asyncio
import os
import re
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import TestDatabase, make_token, project_root
from tests.core.api_process import ApiProcess
from tests.core.database.locks import locked_tasks, wait_for_waiting
from tests.faults import packages
from tests.faults.background import Background
from tests.faults.between import Nginx
from tests.faults.bounds import EVENT_SECONDS
from tests.faults.programs import Program, wait_until
from tests.faults.proxy import Proxy, Streams
from tests.ports import free_port
from tests.waiting import poll

TASKS = "/api/v1/users/me/tasks"
LATENCY_SECONDS = 0.02


@contextmanager
def nginx_before(folder: Path, port: int, more: str = "") -> Iterator[Nginx]:
    """nginx before what listens on `port`; `more` are directives of its block `http`."""
    running = Nginx(folder, [port], idle="60s", more=more)
    running.launch()
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def _far(port: int) -> Iterator[Proxy]:
    """The port, some milliseconds away."""
    network = Background("latency")

    async def connect() -> Streams:
        return await asyncio.open_connection("127.0.0.1", port)

    proxy = Proxy(network, connect)
    proxy.weather.delay = LATENCY_SECONDS
    try:
        yield proxy
    finally:
        proxy.close()
        network.close()


async def _post_after_pauses(url: str, clients: int, rounds: int) -> list[int]:
    """The statuses of POSTs that come about five seconds after the last, each on a connection of its own."""

    async def one(number: int) -> list[int]:
        headers = {"Authorization": f"Bearer {make_token(f'idler-{number}')}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            statuses = []
            for _ in range(rounds):
                statuses.append((await client.post(TASKS, json={"title": "After a pause"})).status_code)
                await asyncio.sleep(4.9 + 0.15 * number / clients)
            return statuses

    return [status for some in await asyncio.gather(*map(one, range(clients))) for status in some]


def test_nginx_with_kept_connections(database: TestDatabase, tmp_path: Path, *, small: bool) -> None:
    clients, rounds = (50, 2) if small else (100, 5)
    with (
        ApiProcess(database.proxied_url, TRUSTED_PROXIES="127.0.0.1") as api,
        _far(api.port) as far,
        nginx_before(tmp_path, far.port) as nginx,
    ):
        statuses = asyncio.run(_post_after_pauses(f"http://127.0.0.1:{nginx.kept_port}", clients, rounds))
    assert statuses == [201] * clients * rounds


_COMPRESSES = "gzip on; gzip_types application/json; gzip_proxied any; gzip_min_length 1;"


def test_nginx_leaves_places_to_others(database: TestDatabase, tmp_path: Path) -> None:
    """By the limit of the file that is deployed: one client does not get all that the API works on at once."""
    text = (project_root() / "deploy" / "nginx" / "todo-api.conf").read_text()
    limit = "\n".join(re.findall(r"^ *(limit_conn\w* .*;)$", text, re.MULTILINE))
    with ApiProcess(database.proxied_url) as api, nginx_before(tmp_path, api.port, limit) as nginx:
        url = f"http://127.0.0.1:{nginx.kept_port}{TASKS}"
        headers = {"Authorization": f"Bearer {make_token(secrets.token_hex(8))}"}

        def client_at(address: str) -> httpx.Client:
            transport = httpx.HTTPTransport(local_address=address, limits=httpx.Limits(max_connections=150))
            return httpx.Client(transport=transport, headers=headers, timeout=20)

        with client_at("127.0.0.1") as hasty, client_at("127.0.0.2") as other, locked_tasks(database):
            with ThreadPoolExecutor(150) as threads:
                asked = [threads.submit(hasty.get, url) for _ in range(150)]
                wait_for_waiting(database, 10)
                assert other.get(url).status_code != 429
            told = Counter(one.result().status_code for one in asked)
        assert told[429] == 50


def test_nginx_logs_no_word_of_a_query(database: TestDatabase, tmp_path: Path) -> None:
    """In the form of the file that is deployed: what was searched for, and the title in a cursor."""
    text = (project_root() / "deploy" / "nginx" / "todo-api.conf").read_text()
    forms = re.findall(r"^log_format todo_api .*?;$", text, re.MULTILINE | re.DOTALL)
    logs = re.findall(r"^ *access_log (?:off|/var/log/nginx/todo-api.log todo_api);$", text, re.MULTILINE)
    assert (len(forms), len(logs)) == (1, text.count("server_name"))
    log, port = tmp_path / "access.log", free_port()
    with ApiProcess(database.proxied_url) as api:
        target = f"access_log {log} todo_api; location / {{ proxy_pass http://127.0.0.1:{api.port}; }}"
        with nginx_before(tmp_path, api.port, f"{forms[0]} server {{ listen 127.0.0.1:{port}; {target} }}"):
            for query in ("q=plants", "cursor=WyJ0aXRsZSIsInBsYW50cyJd"):
                url = f"http://127.0.0.1:{port}{TASKS}?{query}"
                httpx.get(url, headers={"Referer": url})
            poll(lambda: log.exists() and log.read_text().count("\n") == 2)
    line = rf'127\.0\.0\.1 \[[^]]+\] "GET {TASKS} HTTP/1\.1" 401 \d+ "python-httpx/\S+" [\d.]+\n'
    assert re.fullmatch(f"({line}){{2}}", log.read_text())


def test_a_tag_that_nginx_weakens(database: TestDatabase, tmp_path: Path) -> None:
    with ApiProcess(database.proxied_url) as api, nginx_before(tmp_path, api.port, _COMPRESSES) as nginx:
        headers = {"Authorization": f"Bearer {make_token('compressed')}", "Accept-Encoding": "gzip"}
        with httpx.Client(base_url=f"http://127.0.0.1:{nginx.kept_port}", headers=headers, timeout=20) as client:
            path = f"{TASKS}/{client.post(TASKS, json={'title': 'Water the plants'}).json()['id']}"
            read = client.get(path)
            tag = read.headers["etag"]
            assert (read.headers["content-encoding"], tag[:2]) == ("gzip", "W/")
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
            rejected = client.patch(path, json={"title": "Drown them"}, headers={"If-Match": tag})
            assert (rejected.status_code, rejected.json()["code"]) == (412, "entity_tag_altered")
            told = client.patch(path, json={"title": "Water all"}, headers={"If-Match": tag.removeprefix("W/")})
            assert (told.status_code, told.json()["title"]) == (200, "Water all")


def test_what_came_compressed_passes_nginx_as_it_is(database: TestDatabase, tmp_path: Path) -> None:
    """Its strong tag with it, so that the browser can write what it read."""
    with ApiProcess(database.proxied_url) as api, nginx_before(tmp_path, api.port, _COMPRESSES) as nginx:
        headers = {"Authorization": f"Bearer {make_token('long-winded')}", "Accept-Encoding": "gzip"}
        with httpx.Client(base_url=f"http://127.0.0.1:{nginx.plain_port}", headers=headers, timeout=20) as client:
            made = client.post(TASKS, json={"title": "Water the plants", "description": "all of them " * 100})
            path = f"{TASKS}/{made.json()['id']}"
            read = client.get(path)
            tag = read.headers["etag"]
            assert (read.json(), read.headers["content-encoding"]) == (made.json(), "gzip")
            assert re.fullmatch(r'"[^"]+-gzip"', tag)
            assert client.get(path, headers={"If-None-Match": tag}).headers["etag"] == tag
            written = client.patch(path, json={"title": "Water all"}, headers={"If-Match": tag})
            assert (written.status_code, written.json()["title"]) == (200, "Water all")


_HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  option forwardfor
frontend in
  bind 127.0.0.1:{port}
  default_backend api
backend api
  server one {target}
"""


@contextmanager
def _haproxy(folder: Path, target: str) -> Iterator[str]:
    program = packages.needed("haproxy")
    port, settings = free_port(), folder / "haproxy.cfg"
    settings.write_text(_HAPROXY.format(port=port, target=target))
    running = Program([program, "-db", "-f", str(settings)], folder / "haproxy.log")
    running.start()

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, EVENT_SECONDS, "the start of HAProxy")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.stop()


def _addresses(api: ApiProcess, path: str) -> list[str]:
    api.find(lambda line: line.get("url.path") == path)
    return [line["client.address"] for line in api.lines if line.get("url.path") == path]


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_haproxy_names_its_clients(database: TestDatabase, tmp_path: Path, host: str) -> None:
    """With HOST=:: the proxy's own address comes as ::ffff:127.0.0.1, and is trusted all the same."""
    port = free_port()
    with ApiProcess(database.proxied_url, HOST=host, PORT=str(port), TRUSTED_PROXIES="127.0.0.1") as api:
        other = httpx.HTTPTransport(local_address="127.0.0.2")
        with _haproxy(tmp_path, f"127.0.0.1:{port}") as url, httpx.Client(base_url=url, transport=other) as client:
            for _ in range(20):
                assert client.get(f"/{secrets.token_hex(4)}").status_code == 404
            forwarded = client.get("/forwarded", headers={"X-Forwarded-For": "203.0.113.9"})
            assert forwarded.status_code == 404
        # HAProxy adds the address that it sees; what a client claims before it is not believed.
        assert _addresses(api, "/forwarded") == ["127.0.0.2"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_both_families_of_addresses(database: TestDatabase, workers: str) -> None:
    port = free_port()
    with ApiProcess(database.proxied_url, HOST="::", PORT=str(port), WEB_CONCURRENCY=workers) as api:
        for address in ("127.0.0.1", "127.0.0.2", "[::1]"):
            assert httpx.get(f"http://{address}:{port}/health/live").status_code == 200
        four = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=four) as client:
            assert client.get(f"http://127.0.0.1:{port}/from-another").status_code == 404
        assert httpx.get(f"http://[::1]:{port}/from-six").status_code == 404
        assert _addresses(api, "/from-another") == ["127.0.0.2"]
        assert _addresses(api, "/from-six") == ["::1"]


def test_one_client_does_not_throttle_another(database: TestDatabase) -> None:
    """With HOST=:: two clients of IPv4 are two."""
    port = free_port()
    sign_in = {"email": f"{secrets.token_hex(8)}@example.com", "password": "not the right one"}
    with ApiProcess(database.proxied_url, HOST="::", PORT=str(port), SIGN_IN_ATTEMPTS_PER_ADDRESS="3"):

        def attempt(address: str) -> int:
            body = {**sign_in, "email": f"{secrets.token_hex(8)}@example.com"}
            with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
                return client.post(f"http://127.0.0.1:{port}/api/v1/auth/sign-in", json=body).status_code

        assert [attempt("127.0.0.3") for _ in range(5)] == [401, 401, 401, 429, 429]
        assert attempt("127.0.0.4") == 401


def test_pgbouncer_takes_every_statement(start_pooled: Callable[[], str]) -> None:
    """In transaction mode: no statement needs the session, and no setting leaks."""
    url = start_pooled()
    with ApiProcess(url) as api:
        user = f"pooled-{os.urandom(8).hex()}"
        headers = {"Authorization": f"Bearer {make_token(user)}"}
        with httpx.Client(base_url=api.url, headers=headers) as client:
            made = [
                client.post(TASKS, json={"title": str(n)}, headers={"Idempotency-Key": f"{user}-{n // 2}"})
                for n in range(2)
            ]
            assert [one.status_code for one in made] == [201, 422]
            path = f"{TASKS}/{made[0].json()['id']}"
            assert client.patch(path, json={"status": "completed"}).status_code == 200
            assert client.get(f"{TASKS}?include_total=true").json()["total"] == 1
            assert client.delete(path).status_code == 204
            assert client.delete("/api/v1/users/me").status_code == 204
            assert client.get("/health/ready").status_code == 200
