"""What a request may weigh, how long its body may take, and how many are worked on at once."""

import asyncio
import time
from collections.abc import Sequence

from starlette.types import Message, Receive

from core.problems import Problem, ProblemError

# As many refusals on end are a flood: what comes then is not looked at.
FLOOD = 100
# The rest of a refused body is never read, so the connection cannot be used again.
_CLOSE = {"Connection": "close"}


def refuse_bad_head(headers: Sequence[tuple[bytes, bytes]], http_version: str, max_bytes: int) -> None:
    """Raises ProblemError: 400 unless it is HTTP/1 with one Host (RFC 9112, section 3.2), 413 for a length over it."""
    if http_version not in ("1.0", "1.1"):
        raise ProblemError(Problem.BAD_REQUEST, "Send HTTP/1.1.", headers=_CLOSE)
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length" and (len(value) > 18 or int(value) > max_bytes):
            raise _too_large(max_bytes)
    if hosts > 1 or (hosts == 0 and http_version == "1.1"):
        raise ProblemError(Problem.BAD_REQUEST, "Send exactly one Host header.", headers=_CLOSE)


def limited(receive: Receive, max_bytes: int, seconds: float) -> Receive:
    """`receive` that raises ProblemError 413 beyond `max_bytes`, and 408 once a body has taken `seconds`."""
    size = 0
    deadline: float | None = None

    async def receive_within() -> Message:
        nonlocal size, deadline
        deadline = deadline or asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            detail = f"The body did not arrive within {seconds:g} seconds."
            raise ProblemError(Problem.BODY_TIMEOUT, detail, headers=_CLOSE) from None
        size += len(message.get("body", b""))
        if size > max_bytes:
            raise _too_large(max_bytes)
        return message

    return receive_within


class Gate:
    """Lets so many requests in at once; what comes beyond raises ProblemError 503, and nobody queues for long.

    A request takes its place when its body is there, so that slow clients hold none.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        # How many were refused without a second's rest between two, and when the last one was.
        self._refused = 0
        self._refused_at = float("-inf")

    def __enter__(self) -> None:
        if self._free <= 0:
            raise self.refuse()
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1

    @property
    def flooded(self) -> bool:
        """Whether so many are refused that a careful refusal of each would leave no time for those who have a place."""
        return self._free <= 0 and self._refused >= FLOOD and time.monotonic() - self._refused_at < 1

    def refuse(self) -> ProblemError:
        """The answer for one that is not let in."""
        now = time.monotonic()
        self._refused = self._refused + 1 if now - self._refused_at < 1 else 1
        self._refused_at = now
        return ProblemError(Problem.OVERLOADED, "The server has as much to do as it can. Try again shortly.")


def _too_large(max_bytes: int) -> ProblemError:
    return ProblemError(Problem.BODY_TOO_LARGE, f"A body has at most {max_bytes} bytes.", headers=_CLOSE)
