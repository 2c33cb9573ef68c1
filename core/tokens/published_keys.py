"""The keys that a Better Auth server publishes: fetched off the event loop, kept while it is away."""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from core.problems import Problem, ProblemError
from core.tokens.claims import TokenError
from core.tokens.key_download import fetch
from core.tokens.key_set import parse
from core.tokens.verifier import ASYMMETRIC, Key

# A request waits this long for keys; the fetch itself may go on for longer, for the requests after it.
WAIT_SECONDS = 2
# The server is asked again this long after it failed: where a request needs it, and where the keys only grow old.
RETRY_SECONDS = 1
RETRY_OLD_SECONDS = 10
# Fetches for an unknown `kid` that bring nothing new: this many in a burst, and then one in this interval.
FRUITLESS_BURST = 5
FRUITLESS_INTERVAL_SECONDS = 10

_log = structlog.get_logger("core.tokens.published_keys")


class PublishedKeys:
    """The JSON Web Key Set (RFC 7517) at the first of `urls` that has one; that URL is tried first from then on.

    A key that was removed from the set is rejected after `max_age` seconds at the latest. Keys in use are refreshed in
    the background at half that age, so that no request waits; after a longer pause the first request waits. While the
    server does not respond, the last keys stay in use.
    """

    names_parties = True

    def __init__(self, urls: Sequence[str], max_age: float) -> None:
        self._urls = list(urls)
        self._max_age = max_age
        self._keys: dict[str, Key] = {}
        self._fetch: asyncio.Task[None] | None = None
        self._failing = False
        # How many fetches succeeded, and how many did not.
        self.fetched = self.failed = 0
        # On the clock of time.monotonic(): when the current keys were requested, and when to do what.
        self.asked_at = float("-inf")
        self._refresh_at = float("inf")
        self._retry_at = float("-inf")
        self._spent_until = float("-inf")

    async def find(self, algorithm: str, kid: object, check: Callable[[], object]) -> Sequence[Key]:
        """The published key of that name, for that algorithm."""
        if not isinstance(kid, str):
            raise TokenError("no_kid")
        since = time.monotonic()
        if not self._fresh(since):
            await self._wait(self._begin(demanded=False), since)
        name = f"{algorithm} {kid}"
        if name not in self._keys:
            if any(f"{other} {kid}" in self._keys for other in ASYMMETRIC):
                raise TokenError("wrong_algorithm")
            check()
        while name not in self._keys:
            await self._learn(since)
        return [self._keys[name]]

    def holds(self, key: Key) -> bool:
        """Whether the key is published still."""
        return self._fresh(time.monotonic()) and self._keys.get(key.name) == key

    def _fresh(self, now: float) -> bool:
        """Whether the keys may be used as they are. Has them fetched in the background when that is due."""
        if now >= self._refresh_at:
            self._begin(demanded=False)
        return self._failing or now < self.asked_at + self._max_age

    async def _learn(self, since: float) -> None:
        """Waits for what is published now. Raises what can be said by then of a key that is not known.

        Only a response that was asked for after the request came in, at `since`, proves that a key does not exist.
        """
        now = time.monotonic()
        if self._fetch is None:
            spent = self._spent_until > now + (FRUITLESS_BURST - 1) * FRUITLESS_INTERVAL_SECONDS
            if not self._failing and (self.asked_at >= since or spent):
                raise TokenError("unknown_key")
            if self._failing and now < self._retry_at:
                raise _unavailable()
        if not await self._wait(self._begin(demanded=True), since) or self._failing:
            raise _unavailable()

    async def _wait(self, fetch: "asyncio.Task[None]", since: float) -> bool:
        """Whether the fetch ended in time for a request that came in at `since`. It goes on if not."""
        done, _ = await asyncio.wait([fetch], timeout=since + WAIT_SECONDS - time.monotonic())
        return bool(done)

    def _begin(self, *, demanded: bool) -> "asyncio.Task[None]":
        """The fetch that is under way, or a new one: there is never more than one."""
        if self._fetch is None:
            self._fetch = asyncio.create_task(self._load(demanded=demanded))
        return self._fetch

    async def _load(self, *, demanded: bool) -> None:
        asked_at = time.monotonic()
        try:
            url, keys = await asyncio.to_thread(self._ask)
        except Exception as error:  # whatever the server sends: it has not told us its keys
            self._failing = True
            self.failed += 1
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._refresh_at = time.monotonic() + RETRY_OLD_SECONDS
            _log.warning("keys not fetched", **{"error.type": type(error).__name__, "error.reason": str(error)[:500]})
        else:
            self._failing = False
            self.fetched += 1
            self.asked_at = asked_at
            self._refresh_at = asked_at + self._max_age / 2
            self._urls.sort(key=lambda one: one != url)
            if keys is not self._keys:
                self._keys, self._spent_until = keys, asked_at
                _log.info("keys fetched", **{"keys.count": len(keys), "url.full": url})
            elif demanded:
                self._spent_until = max(self._spent_until, asked_at) + FRUITLESS_INTERVAL_SECONDS
        finally:
            self._fetch = None

    def _ask(self) -> tuple[str, dict[str, Key]]:
        """Where the keys are, and which: the dictionary that we have if they are the same. Takes up to a quarter of a
        second of CPU for the most keys that fit, and so runs in a thread of its own."""
        url, body = fetch(self._urls)
        keys = parse(body)
        return url, self._keys if keys == self._keys else keys


def _unavailable() -> ProblemError:
    return ProblemError(
        Problem.KEYS_UNAVAILABLE, "The keys of the sign-in server cannot be had now. Try again shortly."
    )
