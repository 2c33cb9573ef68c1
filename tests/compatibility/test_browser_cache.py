"""A browser's own cache, with HTTP_CACHE=private: two people in one Chromium, and two of these at once."""

import html
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.compatibility.test_caching_proxy import CACHES, PROGRAM, addresses_for
from tests.compatibility.test_proxies import nginx_before
from tests.conftest import TestDatabase, make_token, project_root
from tests.core.api_process import ApiProcess
from tests.faults import packages

PAGES = project_root() / "tests" / "compatibility" / "pages"
BROWSERS = 2
# The application with a defect: what has a tag may be kept for a minute, whoever asks.
_DEFECT = """
from core.http import caching
caching._PRIVATE = (b"cache-control", b"private, max-age=60")
caching.with_vary = lambda headers, *names: headers
import main
main.main()
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def _frontend() -> Iterator[str]:
    """The origin of a web server for the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(PAGES)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _open(page: str, folder: Path) -> dict[str, Any]:
    """What the page says once it has ended, in a browser with a profile of its own."""
    program = packages.needed("chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    # The browser's clock stands still while a request is under way.
    command = [program, *options, "--virtual-time-budget=60000", "--dump-dom", page]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    written = re.search(r'<pre id="result">(.+)</pre>', done.stdout)
    assert written is not None, done.stdout
    result: dict[str, Any] = json.loads(html.unescape(written[1]))
    return result


def _tried(
    database: TestDatabase, folder: Path, caches: str, program: Sequence[str], rounds: int
) -> tuple[list[str], list[int]]:
    """What was wrong in any browser, and the statuses of all reads at the API. Each browser has two people of its own,
    who read what they write; all read at the same addresses."""
    packages.needed("chromium")
    users = [uuid4().hex for _ in range(2 * BROWSERS)]
    with (
        _frontend() as origin,
        ApiProcess(database.proxied_url, program=program, HTTP_CACHE="private", CORS_ORIGINS=origin) as api,
        nginx_before(folder, api.port, caches.format(folder=folder)) as nginx,
        ThreadPoolExecutor(BROWSERS) as threads,
    ):
        addresses = addresses_for(api, database, users)
        asked = {"api": f"http://127.0.0.1:{nginx.kept_port}", "addresses": addresses, "rounds": rounds}
        people = [{"user": one, "token": make_token(one)} for one in users]
        pages = [{**asked, "people": people[n : n + 2]} for n in range(0, len(people), 2)]
        urls = [f"{origin}/two-tabs.html#{quote(json.dumps(one))}" for one in pages]
        told = list(threads.map(_open, urls, [folder / f"profile-{n}" for n in range(BROWSERS)]))
        httpx.get(f"{api.url}/health/live", headers={"X-Request-ID": "the-last"})
        api.find(lambda line: line.get("request_id") == "the-last")
        reads = [line for line in api.lines if line.get("http.request.method") == "GET"]
    assert all(one["reads"] for one in told)
    return [text for one in told for text in one["wrong"]], [line["http.response.status_code"] for line in reads]


@pytest.mark.parametrize("caches", ["", CACHES], ids=["nginx", "caching nginx"])
def test_two_people_in_one_browser_see_their_own_and_nothing_old(
    database: TestDatabase, tmp_path: Path, caches: str, *, small: bool
) -> None:
    """What the browser has it asks about, and shows again on a 304. A caching nginx passes no If-None-Match on."""
    wrong, statuses = _tried(database, tmp_path, caches, PROGRAM, 5 if small else 50)
    assert wrong == []
    assert set(statuses) == ({200} if caches else {200, 304})


def test_a_defect_would_be_seen_there(database: TestDatabase, tmp_path: Path) -> None:
    """The same, where what has a tag may be shown for a minute, to whomever: others' and old responses are seen."""
    wrong, _ = _tried(database, tmp_path, "", (sys.executable, "-c", _DEFECT), 5)
    assert [text for text in wrong if " saw " in text]
    assert [text for text in wrong if " old version" in text]
