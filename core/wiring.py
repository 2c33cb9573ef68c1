"""What the composition root makes once and every request finds again: typed, in one place."""

import asyncio
from dataclasses import dataclass, field

from fastapi import FastAPI, Request

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


def install(app: FastAPI, wiring: Wiring) -> None:
    """Makes `wiring` the one that `of` finds."""
    app.state.wiring = wiring


def of(request: Request) -> Wiring:
    """The parts of the application that serves this request."""
    found: Wiring = request.app.state.wiring
    return found
