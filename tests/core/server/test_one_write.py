"""Head and content are one write, also where a layer between hands them on one by one (as OpenTelemetry's does)."""

import asyncio
import logging
from typing import Any, cast

from starlette.types import Message
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from core.server.sending import Sender, kept_for


class Recorder:
    """What a transport is asked to write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Takes note of it."""
        self.written.append(data)


def sent(*messages: Message) -> list[bytes]:
    """The writes for these messages of a GET."""

    async def main() -> list[bytes]:
        transport: Any = Recorder()
        scope: Any = {"type": "http", "method": "GET"}
        logger, flow, ready = logging.getLogger(), FlowControl(transport), asyncio.Event()
        cycle = RequestResponseCycle(
            scope, transport, flow, logger, logger, False, [], ready, False, True, lambda: None
        )
        sender = Sender(cycle, kept_for(5), cast(Any, cycle.send))
        for message in messages:
            await sender(message)
        return cast(Recorder, transport).written

    return asyncio.run(main())


START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}


def test_head_and_content_are_one_write() -> None:
    (written,) = sent(START, {"type": "http.response.body", "body": b"ok"})
    head, _, body = written.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"content-length: 2",
        b"connection: keep-alive",
        b"keep-alive: timeout=5",
    ]
    assert body == b"ok"


def test_what_comes_in_parts_is_sent_as_it_comes() -> None:
    kind = "http.response.body"
    written = sent(START, {"type": kind, "body": b"o", "more_body": True}, {"type": kind, "body": b"k"})
    assert len(written) > 1
    assert b"".join(written).endswith(b"\r\n\r\nok")
