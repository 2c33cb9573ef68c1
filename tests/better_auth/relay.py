"""A way to an API that breaks at a request of the test's choice, until it is mended."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal

import httpx

# The request that breaks it never arrives, or is served and its response is lost.
Side = Literal["before", "after"]


class Relay:
    """Listens on a port of the loopback before there is an API: `to` is where it leads."""

    def __init__(self) -> None:
        self.to = ""
        # Methods of requests, in their order.
        self.seen: list[str] = []
        self._breaks: tuple[int, Side] | None = None
        self._client = httpx.Client(timeout=20, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._serve))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def breaks(self, at: int, side: Side) -> None:
        """From now on, the request number `at` is cut, and so is every one behind it."""
        self.seen.clear()
        self._breaks = at, side

    def mend(self) -> None:
        """Nothing is cut any more."""
        self.seen.clear()
        self._breaks = None

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        self.seen.append(method)
        at, side = self._breaks or (len(self.seen) + 1, "after")
        if len(self.seen) > at or (len(self.seen) == at and side == "before"):
            return None
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        response = self._client.request(method, self.to + path, headers=kept, content=body)
        return None if len(self.seen) == at else response


def _handler(serve: Callable[..., httpx.Response | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            response = serve(self.command, self.path, dict(self.headers), body)
            self.close_connection = True
            if response is None:
                return
            self.send_response(response.status_code)
            for name in ("content-type", "etag", "location"):
                if name in response.headers:
                    self.send_header(name, response.headers[name])
            if response.status_code != 204:
                self.send_header("content-length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_PUT = do_DELETE = serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
