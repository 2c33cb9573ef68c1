"""docs/frontend.md: its snippets run as they stand there, before and behind the servers that it sets up."""

import contextlib
import json
import queue
import shlex
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.better_auth.servers import BetterAuth, free_url, until_up
from tests.clients.snippets import program, snippets
from tests.clients.workplace import Workplace
from tests.conftest import RunningServer, assert_problem, project_root
from tests.faults import packages

DOCUMENT = project_root() / "docs" / "frontend.md"
API, AUTH = "http://127.0.0.1:8000", "http://127.0.0.1:3000"
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxied;
    server {{
        listen {host};
        {locations}
    }}
}}
"""


def _vite(place: Workplace, host: str, api: str, auth: str) -> list[str]:
    (config,) = snippets(DOCUMENT, "js")
    folder = place.folder / "vite"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "vite.config.js").write_text(config.replace(API, api).replace(AUTH, auth))
    name, port = host.split(":")
    return ["vite", str(folder), "--host", name, "--port", port, "--strictPort"]


def _nginx(place: Workplace, host: str, api: str, auth: str) -> list[str]:
    nginx = packages.needed("nginx")
    (locations,) = snippets(DOCUMENT, "nginx")
    config = place.folder / "nginx.conf"
    locations = locations.replace(API, api).replace(AUTH, auth)
    config.write_text(NGINX.format(folder=place.folder, host=host, locations=locations))
    return [nginx, "-e", "stderr", "-c", str(config)]


# Signs up, runs the program, and tells what it printed.
PAGE = """<!doctype html><title>A page</title><script type="module">
const printed = [];
console.log = (line) => printed.push(String(line));
const fields = { email: `${crypto.randomUUID()}@example.com`, password: "a long pass phrase", name: "Alice" };
const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) };
await fetch("/api/auth/sign-up/email", init);
await import("/frontend.js").catch((error) => printed.push(String(error)));
await fetch("COLLECTOR", { method: "POST", mode: "no-cors", body: JSON.stringify(printed) });
</script>"""
PRINTED = [
    "no token, no profile",
    "true",
    "Water the plants again",
    "Titel: mindestens 1 Zeichen",
    "Feed the cat",
    "Water the plants again",
    "2",
]
SERVERS = {"vite": _vite, "nginx": _nginx}


@contextlib.contextmanager
def _serving(place: Workplace, command: list[str], host: str) -> Iterator[None]:
    name, port = host.split(":")
    with place.start(*command) as running:
        try:
            until_up(running, lambda: _listens(name, int(port)))
            yield
        finally:
            running.terminate()
            running.communicate()


def _listens(name: str, port: int) -> bool:
    try:
        socket.create_connection((name, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("server", SERVERS)
def test_every_snippet_runs_on_one_origin(
    place: Workplace,
    package: Path,
    deploy: Callable[..., BetterAuth],
    start_server: Callable[..., RunningServer],
    server: str,
) -> None:
    origin = free_url()
    (auth,) = deploy({"options": {"baseURL": origin}}).urls
    api = start_server(better_auth_url=origin)
    types = shlex.split(snippets(DOCUMENT, "sh")[1].replace(API, api.url).removeprefix("npx "))
    place.must(*types[:-1], "package/api.ts")
    (package / "frontend.ts").write_text(program(DOCUMENT))
    assert place.compile("package").get("package/frontend.ts", []) == []
    host = urlsplit(origin).netloc
    with _serving(place, SERVERS[server](place, host, api.url, auth), host):
        printed = place.execute("package/frontend", AUTH=origin)
    assert printed.splitlines() == PRINTED


@pytest.mark.parametrize("origins", ["one origin", "two origins"])
def test_the_page_works_in_a_browser(
    place: Workplace,
    package: Path,
    deploy: Callable[..., BetterAuth],
    start_server: Callable[..., RunningServer],
    tmp_path: Path,
    origins: str,
) -> None:
    """Chromium has preflights, cookies and a fetch of its own."""
    chromium = packages.needed("chromium")
    origin = free_url()
    (auth,) = deploy({"options": {"baseURL": origin}}).urls
    api = start_server(better_auth_url=origin, cors_origins=origin)
    place.must("openapi-typescript", "openapi.json", "-o", "package/api.ts")
    text = program(DOCUMENT, before="")
    apart = text.replace("baseUrl: location.origin", f'baseUrl: "{api.url}"')
    assert text.count("baseUrl: location.origin") == apart.count(f'baseUrl: "{api.url}"') == 2
    (package / "browser.ts").write_text(text if origins == "one origin" else apart)
    bundle = place.bundle("package/browser", "browser")
    host = urlsplit(origin).netloc
    command = SERVERS["vite"](place, host, api.url, auth)
    with _collector() as (url, collected), _serving(place, command, host):
        (place.folder / "vite" / "frontend.js").write_bytes(bundle.read_bytes())
        (place.folder / "vite" / "index.html").write_text(PAGE.replace("COLLECTOR", url))
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", f"--user-data-dir={tmp_path}"]
        with place.start(chromium, *options, "--remote-debugging-port=0", origin) as running:
            try:
                assert json.loads(collected.get(timeout=120)) == PRINTED
            finally:
                running.terminate()


@contextlib.contextmanager
def _collector() -> Iterator[tuple[str, "queue.Queue[bytes]"]]:
    """An address, and what is sent to it."""
    collected: queue.Queue[bytes] = queue.Queue()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collected.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", collected
    finally:
        server.shutdown()
        server.server_close()


def test_the_setting_for_two_origins(start_server: Callable[..., RunningServer]) -> None:
    """A page of each origin that it names may send a write; another one is told why not."""
    value = snippets(DOCUMENT, "sh")[0].strip().removeprefix("CORS_ORIGINS=")
    api = start_server(cors_origins=value)
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match,idempotency-key"}
    with httpx.Client(base_url=api.url, timeout=20) as client:
        for origin in value.split(","):
            response = client.options("/api/v1/users/me/tasks", headers={**asked, "Origin": origin})
            assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, origin)
        response = client.options("/api/v1/users/me/tasks", headers={**asked, "Origin": "https://other.example.com"})
        assert_problem(response, 403, "origin_not_allowed")
