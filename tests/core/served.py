"""A server whose log is counted: what it says that it served, beside what it was sent."""

import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Self

import httpx

from tests.core.api_process import ApiProcess, Line
from tests.core.raw_http import RawConnection, RawResponse, connect


class Served:
    """Sends bytes to a process, and reads the lines that it has logged of them."""

    def __init__(self, process: ApiProcess) -> None:
        self._process = process
        self._client = httpx.Client(base_url=process.url, verify=False, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def exchange(self, pieces: Sequence[bytes]) -> tuple[list[RawResponse], list[Line]]:
        """All responses until the server closes the connection, interim ones too, and the lines of the log."""

        def send(connection: RawConnection) -> list[RawResponse]:
            for piece in pieces:
                connection.send(piece)
            return connection.responses()

        return self.talk(send)

    def talk(self, with_it: Callable[[RawConnection], list[RawResponse]]) -> tuple[list[RawResponse], list[Line]]:
        """What `with_it` gives on a connection of its own, and the lines of the log since."""
        before = self._mark()
        with connect(self._process.port) as connection:
            responses = with_it(connection)
        lines = [json.loads(line) for line in self._process.raw_lines[before : self._mark() - 1]]
        return responses, lines

    def _mark(self) -> int:
        """How many lines there are, the last of a request that is made here: all before it are written."""
        before, mark = len(self._process.raw_lines), secrets.token_hex(8)
        self._client.get("/health/live", headers={"X-Request-ID": mark})
        deadline = time.monotonic() + 10
        while True:
            for number, line in enumerate(self._process.raw_lines[before:], before + 1):
                if mark.encode() in line:
                    return number
            assert time.monotonic() < deadline
            time.sleep(0.001)


def statuses(responses: list[RawResponse]) -> list[int]:
    """Of the responses."""
    return [response.status for response in responses]


def logged(lines: list[Line]) -> list[int]:
    """The statuses that the log says were sent, in their order."""
    return [line["http.response.status_code"] for line in lines if line["message"] == "request"]
