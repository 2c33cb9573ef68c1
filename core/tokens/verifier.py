"""From a bearer token to a Principal: its signature, and everything around it as RFC 8725 asks."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from core import base64url
from core.tokens import hs256
from core.tokens.claims import (
    TokenError,
    algorithm_of,
    check_audience,
    check_issuer,
    decode,
    lifetime,
    read_object,
    subject,
)
from core.urls import canonical

# A Better Auth token is below 2 kB; whatever is longer is rejected before it is parsed.
MAX_TOKEN_LENGTH = 8192
# Verified tokens that are remembered until they expire: the next request with one costs a look-up.
REMEMBERED = 10_000
# What Better Auth's jwt plugin signs with, by keys that it publishes.
ASYMMETRIC = ("EdDSA", "ES256", "ES512", "RS256", "PS256")
# What to set so that tokens of an algorithm are taken; of any other none ever is.
_SETTINGS = {"HS256": "BETTER_AUTH_SECRET"} | dict.fromkeys(ASYMMETRIC, "BETTER_AUTH_URL")

# Better Auth's session token, bare or signed as in its cookie: so common a mistake that the log names it.
_SESSION_TOKEN = re.compile(r"[A-Za-z0-9]{32}(\.[A-Za-z0-9+/=%_-]+)?")

# That the previous secret still verifies tokens is said once in so many seconds.
TOLD_SECONDS = 60

_log = structlog.get_logger("core.tokens.verifier")


@dataclass(frozen=True, slots=True)
class Principal:
    """What a verified token proves. It is not a row: nothing says that this user is known here."""

    user_id: str
    email: str | None = None
    name: str | None = None
    session_id: str | None = None
    # The claim `iat`, in seconds since 1970.
    issued_at: float | None = None
    # Stands for the user in the entity tags of what is theirs: 11 characters of a hash of the id.
    tag: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.user_id.encode()).digest()
        object.__setattr__(self, "tag", base64url.encoded(digest[:8]))


@dataclass(frozen=True, slots=True)
class Key:
    """A key for one algorithm. `name` is unique within its source: the `kid`, or a name of ours."""

    name: str
    # Called with the bytes that were signed, `value` and the signature.
    verify: Callable[[bytes, Any, bytes], bool]
    value: Any
    # Whether it is to go: as long as it still verifies tokens, the log says so.
    previous: bool = False


class KeySource(Protocol):
    """Where the keys of an algorithm come from; each algorithm has one source."""

    # Whether its tokens must name their issuer and audience; otherwise they are checked where they are named.
    names_parties: bool

    async def find(self, algorithm: str, kid: object, check: Callable[[], object]) -> Sequence[Key]:
        """The keys that may have signed, by what the header says. Raises TokenError, or ProblemError 503 while that
        cannot be known.

        Before anything is fetched on a token's behalf, `check` raises what is wrong with it besides.
        """

    def holds(self, key: Key) -> bool:
        """Whether a key that was found here is still good."""


class SecretKeys:
    """HS256 with shared secrets: the key is the secret's UTF-8 bytes, as Better Auth and jose take it."""

    names_parties = False

    def __init__(self, *secrets: str) -> None:
        self._keys = [Key("HS256", hs256.verify, one.encode(), number > 0) for number, one in enumerate(secrets)]

    async def find(self, algorithm: str, kid: object, check: Callable[[], object]) -> Sequence[Key]:  # noqa: ARG002
        """All of them; a `kid` says nothing about a secret."""
        return self._keys

    def holds(self, key: Key) -> bool:  # noqa: ARG002
        """A secret is good for as long as the process lives."""
        return True


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    until: float
    source: KeySource
    key: Key


class TokenVerifier:
    """Each algorithm is bound to one source of keys by configuration; the token's header never chooses."""

    def __init__(
        self, sources: Mapping[str, KeySource], issuers: Sequence[str] = (), audiences: Sequence[str] = ()
    ) -> None:
        """A token is of one of the `issuers` and for one of the `audiences`, where it has to name them or does."""
        self._sources = dict(sources)
        self._issuers = tuple(canonical(name) for name in issuers)
        self._audiences = tuple(canonical(name) for name in audiences)
        # By SHA-256, so that the process does not keep tokens that somebody could use.
        self._verified: dict[bytes, _Verified] = {}
        self._told_until = 0.0

    @property
    def sources(self) -> set[KeySource]:
        """Each source of keys once."""
        return set(self._sources.values())

    async def verify(self, token: str) -> Principal:
        """The principal of a valid token. Raises TokenError, or ProblemError 503 while its key cannot be had."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenError("too_long")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is None or known.until <= time.time() or not known.source.holds(known.key):
            known = await self._verify(token)
            if len(self._verified) >= REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[digest] = known
        if known.key.previous and self._told_until <= time.time():
            self._told_until = time.time() + TOLD_SECONDS
            _log.info("a token was verified by the previous secret", setting="BETTER_AUTH_SECRET_PREVIOUS")
        return known.principal

    async def _verify(self, token: str) -> _Verified:
        segments = token.split(".")
        if len(segments) != 3:
            raise TokenError("session_token" if _SESSION_TOKEN.fullmatch(token) else "not_a_jwt")
        header = read_object(segments[0], "malformed_header")
        algorithm = algorithm_of(header)
        source = self._sources.get(algorithm)
        if source is None:
            raise TokenError("algorithm_not_configured", setting=_SETTINGS.get(algorithm))
        signed = f"{segments[0]}.{segments[1]}".encode("utf-8", "surrogatepass")
        signature = decode(segments[2], "malformed_signature")

        def claimed() -> tuple[Principal, float]:
            return self._read(read_object(segments[1], "malformed_claims"), every=source.names_parties)

        for key in await source.find(algorithm, header.get("kid"), claimed):
            if key.verify(signed, key.value, signature):
                return _Verified(*claimed(), source, key)
        raise TokenError("wrong_signature")

    def _read(self, claims: Mapping[str, Any], *, every: bool) -> tuple[Principal, float]:
        """Whom the claims are about and until when they hold. With `every` they must name issuer and audience."""
        until = lifetime(claims)
        if every or (self._issuers and "iss" in claims):
            check_issuer(claims.get("iss"), self._issuers)
        if every or "aud" in claims:
            check_audience(claims.get("aud"), self._audiences)
        issued_at = float(claims["iat"]) if "iat" in claims else None
        email, name, session_id = (_text(claims, one) for one in ("email", "name", "sid"))
        return Principal(subject(claims), email, name, session_id, issued_at), until


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None
