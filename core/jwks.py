"""The keys that a Better Auth server publishes: fetched off the event loop, kept while it is away."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import structlog
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from core import strict_json
from core.config import VERSION
from core.errors import Problem, ProblemError
from core.security import ASYMMETRIC, Key, TokenError

# A request waits this long for keys; the fetch itself may go on until the other, for the requests after it.
WAIT_SECONDS = 2
FETCH_SECONDS = 5
MAX_BYTES = 64 * 1024
# The server is asked again this long after it failed: where a request needs it, and where the keys only grow old.
RETRY_SECONDS = 1
RETRY_OLD_SECONDS = 10
# Fetches for an unknown `kid` that bring nothing new: this many at once, and then one in this time.
FRUITLESS_AT_ONCE = 5
FRUITLESS_SECONDS = 10
# NIST SP 800-131A asks for the one; beyond the other verification is slow.
RSA_BITS = range(2048, 8193)

_ALGORITHMS = {name: get_default_algorithms()[name] for name in ASYMMETRIC}
_KINDS = {"OKP Ed25519": ["EdDSA"], "EC P-256": ["ES256"], "EC P-521": ["ES512"], "RSA": ["RS256", "PS256"]}

_HEADERS = {"Accept": "application/json", "User-Agent": f"todo-api/{VERSION}"}

_log = structlog.get_logger("core.jwks")


class PublishedKeys:
    """The JSON Web Key Set at `url`. A key that disappears from it is not used for longer than `max_age` seconds.

    While keys are used they are fetched anew in the background at half that age, so that no request waits. After a
    pause the first request waits. While the server does not answer, the keys of its last answer stay in use.
    """

    names_parties = True

    def __init__(self, url: str, max_age: float) -> None:
        self._url = url
        self._max_age = max_age
        self._keys: dict[str, Key] = {}
        self._fetch: asyncio.Task[None] | None = None
        self._failing = False
        # On the clock of time.monotonic(): when the answer that we have was asked for, and what may happen when.
        self._asked_at = float("-inf")
        self._refresh_at = float("inf")
        self._retry_at = float("-inf")
        self._spent_until = float("-inf")

    async def find(self, header: Mapping[str, Any], check: Callable[[], object]) -> Sequence[Key]:
        """The published key that has the header's `kid` and `alg`."""
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise TokenError("no_kid")
        since = time.monotonic()
        if not self._fresh(since):
            await self._wait(self._begin(demanded=False), since)
        name = f"{header['alg']} {kid}"
        if name not in self._keys:
            if any(f"{algorithm} {kid}" in self._keys for algorithm in ASYMMETRIC):
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
        return self._failing or now < self._asked_at + self._max_age

    async def _learn(self, since: float) -> None:
        """Waits for what is published now. Raises what can be said by then of a key that is not known.

        Only an answer that was asked for after the request came in, at `since`, proves that a key does not exist.
        """
        now = time.monotonic()
        if self._fetch is None:
            spent = self._spent_until > now + (FRUITLESS_AT_ONCE - 1) * FRUITLESS_SECONDS
            if not self._failing and (self._asked_at >= since or spent):
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
            keys = parse(await asyncio.to_thread(download, self._url))
        except Exception as error:  # whatever the server sends: it has not told us its keys
            self._failing = True
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._refresh_at = time.monotonic() + RETRY_OLD_SECONDS
            _log.warning("keys not fetched", **{"error.type": type(error).__name__, "error.reason": str(error)[:200]})
        else:
            self._failing = False
            self._asked_at = asked_at
            self._refresh_at = asked_at + self._max_age / 2
            if keys != self._keys:
                self._keys, self._spent_until = keys, asked_at
                _log.info("keys fetched", **{"keys.count": len(keys)})
            elif demanded:
                self._spent_until = max(self._spent_until, asked_at) + FRUITLESS_SECONDS
        finally:
            self._fetch = None


def parse(body: bytes) -> dict[str, Key]:
    """The keys of a JSON Web Key Set that are good for verifying here, by name. Raises ValueError if it is none."""
    document = strict_json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("this is not a JSON Web Key Set")
    found: dict[str, Key] = {}
    for jwk in document["keys"]:
        for algorithm in _algorithms(jwk):
            with suppress(PyJWTError, TypeError, ValueError):
                key = Key(f"{algorithm} {jwk['kid']}", _ALGORITHMS[algorithm], _ALGORITHMS[algorithm].from_jwk(jwk))
                if jwk["kty"] != "RSA" or key.value.key_size in RSA_BITS:
                    found.setdefault(key.name, key)
    return found


def _algorithms(jwk: Any) -> Sequence[str]:
    """What a public key may be used for here. One without `alg`, as older versions have it, for all of its kind."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or "d" in jwk:
        return ()
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use") not in (None, "sig") or not isinstance(operations, list) or "verify" not in operations:
        return ()
    # The curve of the server's default key can stand beside an RSA key as well.
    kind = "RSA" if jwk.get("kty") == "RSA" else f"{jwk.get('kty')} {jwk.get('crv')}"
    return [algorithm for algorithm in _KINDS.get(kind, ()) if jwk.get("alg") in (None, algorithm)]


def download(url: str, seconds: float = FETCH_SECONDS) -> bytes:
    """What is at `url`. Follows no redirect. Raises OSError, HTTPException."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname, parts.port, timeout=seconds)) as connection:
        connection.connect()
        # The timeout is that of each read; a server that sends a byte now and then is hung up on.
        limit = threading.Timer(seconds, hang_up, [connection.sock])
        limit.start()
        try:
            connection.request("GET", parts.path or "/", headers=_HEADERS)
            response = connection.getresponse()
            body = response.read(MAX_BYTES + 1)
        finally:
            limit.cancel()
    if response.status != 200:
        raise HTTPException(f"the status is {response.status}")
    if len(body) > MAX_BYTES:
        raise HTTPException("the answer is too large")
    return body


def hang_up(connected: socket.socket) -> None:
    """Ends the connection for whoever waits for it in another thread."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _unavailable() -> ProblemError:
    return ProblemError(
        Problem.KEYS_UNAVAILABLE, "The keys of the sign-in server cannot be had now. Try again shortly."
    )
