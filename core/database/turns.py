"""Turns at the few connections: what waits for one is sent the moment it is free, and not once its task runs."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextvars import Context, copy_context
from itertools import chain
from typing import Any

from core.database.connection import Connection, Message
from core.database.deadline_timer import DeadlineTimer
from core.database.errors import PoolExhaustedError
from core.database.usage import Usage

_EXHAUSTED = "no connection became free"


class Turn:
    """Who waits for a connection until `deadline`, and with `message` also for the result of what is sent on it.

    `done` gives the connection, or the cursor with the result; or None where there is a place for another connection,
    which is to be opened first.
    """

    __slots__ = ("_message", "_text", "connection", "context", "deadline", "done", "placed", "reused", "since", "usage")
    # Of one that waits in line: the context of its task.
    context: Context

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None,
        deadline: float,
        usage: Usage | None,
        message: Message | None = None,
        *,
        text: bool = False,
    ) -> None:
        """`usage` is told how long it waits. With `text` the result has ids and times as text."""
        self.done: asyncio.Future[Any] = asyncio.Future(loop=loop)
        self.deadline, self.usage = deadline, usage
        self._message, self._text = message, text
        self.connection: Connection | None = None
        # Whether it has one of the pool's places; and whether its connection had been used before.
        self.placed = self.reused = False
        # Since when it waits in line, if it does.
        self.since: float | None = None

    def take(self, connection: Connection | None) -> None:
        """Takes a place, with a connection if there is one, and sends what there is to send. Raises nothing."""
        self.placed, self.connection = True, connection
        if connection is None or self._message is None:
            self.done.set_result(connection)
        else:
            self.reused = connection.used
            connection.begin(self._message, self.deadline, self.done, text=self._text)

    def wait_no_more(self) -> None:
        """It is served, or nobody waits any more for what it would get."""
        if self.since is not None and self.usage is not None:
            self.usage.waiting_seconds += time.monotonic() - self.since
        self.since = None


class Line:
    """Those who wait for a place: the owners in turn, and of one owner the longest first, so that nobody who asks very
    often has all others wait behind it. At its deadline each is told PoolExhaustedError."""

    def __init__(self) -> None:
        # By owner, the next one first; those without an owner are one.
        self._turns: OrderedDict[str | None, deque[Turn]] = OrderedDict()
        self._timer = DeadlineTimer(self._expire)

    def __len__(self) -> int:
        return sum(not turn.done.done() for turn in self._all())

    def join(self, turn: Turn) -> None:
        """The last one of its owner."""
        turn.since, turn.context = time.monotonic(), copy_context()
        self._turns.setdefault(turn.usage.owner if turn.usage else None, deque()).append(turn)
        self._timer.set(turn.deadline)

    def give(self, connection: Connection | None) -> bool:
        """Gives the first one a place, with its connection if that can be used; False where nobody waits.

        What is sent is sent as if by the task that waits, whoever gives: what traces statements looks into its context.
        """
        while (turn := self._take_next()) is not None:
            turn.wait_no_more()
            if turn.deadline <= time.monotonic():  # the timer is late: what is sent now would cost its connection
                turn.done.set_exception(PoolExhaustedError(_EXHAUSTED))
                continue
            turn.context.run(turn.take, connection)
            return True
        return False

    def _take_next(self) -> Turn | None:
        """Takes the first one of the owner whose turn it is, who then comes last."""
        while self._turns:
            owner, turns = self._turns.popitem(last=False)
            while turns:
                turn = turns.popleft()
                if not turn.done.done():
                    if turns:
                        self._turns[owner] = turns
                    return turn
        return None

    def _all(self) -> Iterator[Turn]:
        return chain.from_iterable(self._turns.values())

    def _expire(self, now: float) -> float | None:
        """Tells those whose deadline has come; gives the next deadline of the others."""
        following: float | None = None
        for turn in self._all():
            if turn.done.done():
                continue
            if turn.deadline <= now:
                turn.done.set_exception(PoolExhaustedError(_EXHAUSTED))
            elif following is None or turn.deadline < following:
                following = turn.deadline
        return following
