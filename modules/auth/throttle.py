"""How often may be tried what costs a password's hash: the allowances, by what they are counted, and the 429 beyond."""

import hashlib
import ipaddress
import math
from datetime import timedelta

from core.config import Settings
from core.problems import Problem, ProblemError
from modules.auth.repository import AuthRepository

# The allowance of tries is per this long; a used-up one comes back evenly over it.
WINDOW = timedelta(minutes=15)


class Throttle:
    """Counts tries before a password is looked at. Each raises ProblemError 429 where the allowance is used up."""

    def __init__(self, settings: Settings, repository: AuthRepository) -> None:
        self._repository = repository
        self._per_address = settings.sign_in_attempts_per_address
        self._per_account = settings.sign_in_attempts_per_account

    async def sign_up(self, address: str) -> None:
        """Apart from sign-ins: who has no more tries of these can still make an account."""
        await self._count("sign_up", f"sign-up:{_network(address)}", self._per_address)

    async def sign_in(self, address: str, email: str) -> None:
        """The address first: one that has no more tries shuts nobody out of their account."""
        await self._count("address", f"address:{_network(address)}", self._per_address)
        await self._count("account", _account(email), self._per_account)

    async def change_password(self, user_id: str) -> None:
        """Whoever has only a token guesses the current password no faster."""
        await self._count("user", f"user:{user_id}", self._per_account)

    async def forgive(self, email: str) -> None:
        """Forgets the tries for an account whose password was right."""
        await self._repository.forgive(_hashed(_account(email)))

    async def _count(self, limit: str, key: str, allowed: int) -> None:
        """`limit` is what the log calls it."""
        wait = await self._repository.attempt(_hashed(key), allowed, WINDOW)
        if wait > 0:
            headers = {"Retry-After": str(math.ceil(wait))}
            detail, reason = "Too many attempts. Wait before the next.", f"attempts_of_{limit}"
            raise ProblemError(Problem.TOO_MANY_ATTEMPTS, detail, headers=headers, reason=reason)


def _account(email: str) -> str:
    return f"account:{email.lower()}"


def _network(address: str) -> str:
    """An IPv6 client has a whole /64 to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
