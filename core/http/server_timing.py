"""What took how long, in each response for the browser's own tools: where SERVER_TIMING asks for it."""

import time

from starlette.types import Message

from core.http import context
from core.http.context import RequestContext
from core.http.outgoing import Outgoing
from core.tokens.verifier import Principal, TokenVerifier


class TimedOutgoing(Outgoing):
    """Puts the header `Server-Timing` (W3C Server Timing) into the head: durations in milliseconds, and only what was
    done: `token` (its verification), `db` (all statements), `wait` (for a connection)."""

    __slots__ = ()

    async def whole(self, start: Message, message: Message) -> None:
        """Sends the head of a response and its first content at once."""
        if value := _value(self._found):
            start["headers"] = [*start["headers"], (b"server-timing", value.encode())]
        await super().whole(start, message)


class TimedVerifier(TokenVerifier):
    """Tells the request that a token is verified for how long that took."""

    async def verify(self, token: str) -> Principal:
        began = time.perf_counter()
        try:
            return await super().verify(token)
        finally:
            found = context.current()
            assert found is not None, "a token is verified for a request"
            found.token_seconds = time.perf_counter() - began


def _value(found: RequestContext) -> str:
    took = {
        "token": found.token_seconds,
        "db": found.statements_seconds,
        "wait": found.waiting_seconds,
    }
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in took.items() if seconds)
