"""Passwords: argon2id by argon2-cffi, in threads that cannot starve the rest."""

import asyncio
import os
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from core.problems import Problem, ProblemError

T = TypeVar("T")

# OWASP's password storage cheat sheet: argon2id with at least 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# argon2 leaves the interpreter lock, so half of the cores hash while the others serve.
_THREADS = max(1, (os.cpu_count() or 1) // 2)

# At some 30 ms each, whoever queued behind more would not get a response in time.
MAX_WAITING = 60


class Passwords:
    """Hashes and verifies, for whoever has a `place`. There are so many; beyond them it raises ProblemError 503."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._waiting = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of those that may hash or wait for it. It is taken before a try is counted: who has none is not looked
        at, and has lost no try."""
        if self._waiting >= MAX_WAITING:
            raise ProblemError(Problem.OVERLOADED, "Too many sign-ins are under way. Try again shortly.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def hash(self, password: str) -> str:
        """The encoded hash, with its salt and parameters."""
        return await self._run(lambda: _HASHER.hash(_normal(password)))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether `password` made `encoded`. Takes as long for None, which nobody's password made."""
        matches = await self._run(lambda: _matches(encoded or _nobody(), _normal(password)))
        return matches and encoded is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _normal(password: str) -> str:
    """One spelling of what looks and is typed the same (NIST SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _matches(encoded: str, password: str) -> bool:
    try:
        return _HASHER.verify(encoded, password)
    except VerifyMismatchError:
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash(os.urandom(16))
