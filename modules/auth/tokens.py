"""The tokens that local accounts get: a short-lived JWT, and an opaque refresh token that is stored hashed."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core import base64url
from core.tokens import hs256

SECRET_BYTES = 32
# Keys are derived from the secret for this purpose alone. No JWT that is signed by the same secret has such a text.
_PURPOSE = b"todo-api: the successor of a refresh token"
# Tokens that are tried at one distance: one, but twice as many with each step while the secret is being replaced.
_MOST_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token in parts: which session it belongs to, and the secret that proves it."""

    session_id: UUID
    secret: bytes

    @classmethod
    def new(cls, session_id: UUID) -> "Refresh":
        """A fresh secret for the session."""
        return cls(session_id, secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> "Refresh | None":
        """The parts of `text`, or None if `str()` of a Refresh cannot have made it."""
        try:
            data = base64url.decoded(text)
        except ValueError:
            return None
        return cls(UUID(bytes=data[:16]), data[16:]) if len(data) == 16 + SECRET_BYTES else None

    @property
    def hash(self) -> bytes:
        """What is stored. The secret is random, so a fast hash is enough."""
        return hashlib.sha256(self.secret).digest()

    def __str__(self) -> str:
        return base64url.encoded(self.session_id.bytes + self.secret)


class Successors:
    """Derives the token that follows another: all who send one token get the same, and none has to be stored."""

    def __init__(self, known: Sequence[str]) -> None:
        """The first secret derives; by the others, processes with other settings may have derived."""
        self._keys = [hmac.digest(secret.encode(), _PURPOSE, "sha256") for secret in known]

    def of(self, token: Refresh) -> Refresh:
        """The token that replaces `token`."""
        return _successor(self._keys[0], token)

    def newest(self, token: Refresh, newest_hash: bytes, distance: int) -> Refresh | None:
        """The token with that hash if it follows `token` in as many steps at most; None if it does not."""
        candidates = [token]
        for _ in range(distance):
            candidates = [_successor(key, one) for one in candidates for key in self._keys]
            for one in candidates:
                if one.hash == newest_hash:
                    return one
            if len(candidates) > _MOST_CANDIDATES:
                break
        return None


def _successor(key: bytes, token: Refresh) -> Refresh:
    return Refresh(token.session_id, hmac.digest(key, token.session_id.bytes + token.secret, "sha256"))


def access_token(secret: str, user_id: str, session_id: UUID, seconds: int) -> str:
    """A JWT in the form of Better Auth's hand-made ones: HS256 by the secret's bytes, `sub`, no `kid`."""
    now = int(time.time())
    claims = {"sub": user_id, "sid": str(session_id), "iat": now, "exp": now + seconds}
    return hs256.token(secret, claims)
