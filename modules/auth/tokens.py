"""The tokens that local accounts get: a short-lived JWT, and an opaque refresh token that is stored hashed."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

import jwt

SECRET_BYTES = 32


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
            data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except ValueError:
            return None
        return cls(UUID(bytes=data[:16]), data[16:]) if len(data) == 16 + SECRET_BYTES else None

    @property
    def hash(self) -> bytes:
        """What is stored. The secret is random, so a fast hash is enough."""
        return hashlib.sha256(self.secret).digest()

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(self.session_id.bytes + self.secret).rstrip(b"=").decode()


def access_token(secret: str, user_id: str, session_id: UUID, seconds: int) -> str:
    """A JWT in the form of Better Auth's hand-made ones: HS256 by the secret's bytes, `sub`, no `kid`."""
    now = int(time.time())
    claims = {"sub": user_id, "sid": str(session_id), "iat": now, "exp": now + seconds}
    return jwt.encode(claims, secret.encode(), algorithm="HS256")
