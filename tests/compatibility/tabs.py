"""Tabs of a real browser: each loads a page that does what the test says, one request at a time."""

import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Long enough for a browser to start on a machine that is busy.
PATIENCE = 120

_PAGE = b"""<!doctype html><title>A page</title><script>
const tab = location.search;
async function work({ opens, url, body, token }) {
  if (opens) {
    open(opens, "_blank", "noopener");
    return {};
  }
  const headers = {
    ...(body && { "Content-Type": "application/json" }),
    ...(token && { Authorization: `Bearer ${token}` }),
  };
  const method = token ? "GET" : "POST";
  const response = await fetch(url, { method, headers, credentials: token ? "omit" : "include", body });
  return { status: response.status, body: response.status === 204 ? null : await response.json() };
}
(async () => {
  for (;;) {
    const job = await (await fetch("/job" + tab)).json();
    const result = await work(job).catch((error) => ({ error: error.name }));
    await fetch("/result" + tab, { method: "POST", body: JSON.stringify({ ...result, cookies: document.cookie }) });
  }
})();
</script>"""


class Tab:
    """What one tab is told, and what came of it."""

    def __init__(self) -> None:
        self.jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.results: queue.Queue[dict[str, Any]] = queue.Queue()

    def tell(self, url: str, *, token: str | None = None, **body: str) -> None:
        """POSTs the body with credentials, or gets with an access token."""
        self.jobs.put({"url": url, "token": token, "body": json.dumps(body) if body else None})

    def open(self, url: str) -> None:
        """Another tab."""
        self.jobs.put({"opens": url})
        self.result()

    def result(self) -> dict[str, Any]:
        """Its `status` and `body`, or the name of its `error`; and the `cookies` that the page can read."""
        return self.results.get(timeout=PATIENCE)

    def do(self, url: str, *, token: str | None = None, **body: str) -> dict[str, Any]:
        """Both."""
        self.tell(url, token=token, **body)
        return self.result()


class _Pages(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tabs: dict[str, Tab] = {}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, name = self.path.partition("?")
        if path == "/job":
            job = self._tab(name).jobs.get(timeout=PATIENCE)
            self._send("application/json", json.dumps(job).encode())
        else:
            self._send("text/html", _PAGE)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self._tab(self.path.partition("?")[2]).results.put(json.loads(content))
        self._send("text/plain", b"")

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _tab(self, name: str) -> Tab:
        assert isinstance(self.server, _Pages)
        return self.server.tabs[name]

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Pages:
    """A server of the page, by either of its names."""

    def __init__(self, server: _Pages) -> None:
        self._server = server
        self.localhost = f"http://localhost:{server.server_port}"
        self.address = f"http://127.0.0.1:{server.server_port}"

    @contextmanager
    def opened(self, browser: str, origins: Sequence[str]) -> Iterator[list[Tab]]:
        """One browser with a new profile, and in it a tab at each of the origins."""
        self._server.tabs = {str(place): Tab() for place in range(len(origins))}
        first, *others = [f"{origin}/?{place}" for place, origin in enumerate(origins)]
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-popup-blocking"]
        with tempfile.TemporaryDirectory(prefix="todo-api-browser-", ignore_cleanup_errors=True) as profile:
            command = [browser, *options, f"--user-data-dir={profile}", "--remote-debugging-port=0", first]
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                for url in others:
                    self._server.tabs["0"].open(url)
                yield list(self._server.tabs.values())
            finally:
                running.terminate()
                running.wait(PATIENCE)


@contextmanager
def serve_pages() -> Iterator[Pages]:
    """Until the block ends."""
    server = _Pages()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Pages(server)
    finally:
        server.shutdown()
        server.server_close()
