"""What every contestant shares: settings, the token, the access line."""

import gc
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson
import structlog
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import make_url
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALGORITHM = "HS256"

Params = Mapping[str, Any]


def dialect() -> Any:
    return PGDialect_psycopg2()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Settings:
    """Read from the environment when the application is built, never at import."""

    database_url: str = field(default_factory=lambda: os.environ["DATABASE_URL"])
    secret: str = field(default_factory=lambda: os.environ["JWT_SECRET"])
    connections: int = field(default_factory=lambda: int(os.environ.get("CONNECTIONS", "4")))
    deadline: float = field(default_factory=lambda: float(os.environ.get("DEADLINE", "5")))
    statement_timeout: bool = field(default_factory=lambda: os.environ.get("STATEMENT_TIMEOUT") == "1")
    access_line: bool = field(default_factory=lambda: os.environ.get("ACCESS_LINE", "1") == "1")
    pool_reset: bool = field(default_factory=lambda: os.environ.get("POOL_RESET", "1") == "1")

    def psycopg2_arguments(self) -> dict[str, Any]:
        _, arguments = dialect().create_connect_args(make_url(self.database_url))
        return dict(arguments)

    def asyncpg_dsn(self) -> str:
        return make_url(self.database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def sign(user_id: str, secret: str) -> str:
    return jwt.encode({"sub": user_id, "exp": int(time.time()) + 7200}, secret, ALGORITHM)


def user_of(authorization: str | None, secret: str) -> str | None:
    """The subject of a bearer token, or nothing where the token does not hold."""
    if authorization is None or not authorization.startswith("Bearer "):
        return None
    try:
        claims = jwt.decode(authorization[7:], secret, [ALGORITHM], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])


class AccessLine:
    """Pure ASGI: one JSON line a request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        steps: list[Any] = [
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(orjson.dumps),
        ]
        structlog.configure(steps, logger_factory=structlog.BytesLoggerFactory(), cache_logger_on_first_use=True)
        self.log = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            took = round((time.perf_counter() - started) * 1000, 3)
            self.log.info("request", method=scope["method"], path=scope["path"], status=status, duration_ms=took)


def settle() -> None:
    """After start: what was allocated so far is never looked at by the collector again."""
    gc.collect()
    gc.freeze()
