"""What the composition root makes once and every request finds again: typed, in one place."""

import asyncio
from dataclasses import dataclass, field

from fastapi import Request

from core.config import Settings
from core.database import Database
from core.limits import Gate
from core.repository import Accounts
from core.security import TokenVerifier


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts that an application is made of. `revision` is the migration that the code needs."""

    settings: Settings
    database: Database
    verifier: TokenVerifier
    accounts: Accounts
    revision: str
    gate: Gate
    migrated: asyncio.Event = field(default_factory=asyncio.Event)


def of(request: Request) -> Wiring:
    """The parts of the application that serves this request; core.operations puts them there."""
    found: Wiring = request.scope["wiring"]
    return found
