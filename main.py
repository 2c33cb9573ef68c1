"""The composition root: makes the application from its settings, and is the only file that knows all slices."""

import gc

# What is loaded from here on lives as long as the process: looking for garbage in it took a fifth of the start's CPU.
gc.disable()

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI

from core import health, logging
from core.config import ConfigurationError, Settings, doubtful_names, load_settings
from core.database import chosen, migrations, observed, start_check, statements
from core.database.compatibility import SchemaCheck
from core.database.database import Database
from core.http import context
from core.http.admission import Gate
from core.http.application import Api
from core.http.server_timing import TimedVerifier
from core.server import listening, other_servers, server, started
from core.server.workers import Workers
from core.tokens import configured
from core.tokens.verifier import TokenVerifier
from modules.auth import cookies as auth_cookies
from modules.auth import router as auth
from modules.auth.local_accounts import LocalAccounts
from modules.auth.passwords import Passwords
from modules.tasks import router as tasks
from modules.users import router as users
from modules.users.accounts import UserAccounts

if TYPE_CHECKING:
    from core.metrics.exporter import Exporter

gc.freeze()
gc.enable()

_log = structlog.get_logger("main")

TITLE = "Todo API"
DESCRIPTION = "Tasks of the users of a Better Auth frontend. Every failure is problem+json (RFC 9457)."


def create_app(settings: Settings, database_url: str | None = None, exporter: "Exporter | None" = None) -> Api:
    """The whole application, on the database at `database_url`, or without it on that of the settings; `exporter` tells
    the figures of whoever serves it.

    Raises UnscopedStatementError or TypeError for a statement of a slice that is wrong, with its file and line.
    """
    statements.check()
    database = Database(
        database_url or chosen.url_of(settings),
        pool_size=settings.database_pool_size,
        timeout=settings.request_timeout,
        watch=observed.watch(settings.slow_statement),
        prepared=settings.prepared_statements,
        per_server=settings.database_connections_per_server,
        usage=context.current,
    )
    passwords = Passwords()
    verifier = configured.verifier(settings, TimedVerifier if settings.server_timing else TokenVerifier)
    accounts = UserAccounts(database, timedelta(days=settings.deletions_kept_days))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # What was made up to here lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        if exporter is not None:
            await exporter.start()
        yield
        if exporter is not None:
            await exporter.stop()
        database.close()
        passwords.close()

    slices: dict[type, Any] = {LocalAccounts: LocalAccounts(settings, database, accounts, passwords)}
    gate = Gate(settings.max_concurrent_requests)
    schema = SchemaCheck(database, migrations.known(), migrations.head())
    observe = None if exporter is None else exporter.watch(database, gate, verifier)
    services = context.Services(settings, database, verifier, accounts, schema, gate, slices, observe)
    app = Api(services, title=TITLE, description=DESCRIPTION, lifespan=lifespan)
    # One line each, so that a slice more is a line more; their order is that of the document.
    for router in [
        tasks.router,
        users.router,
        health.router,
    ]:
        app.include_router(router)
    if settings.local_accounts_enabled:
        app.include_router(auth_cookies.router if settings.auth_cookies else auth.public)
        app.include_router(auth.private)
    return app


def main() -> None:
    """Serves until SIGTERM or SIGINT. Starts the embedded PostgreSQL where no other is set; migrates nothing."""
    settings, url, told = _prepare()
    opened = listening.open_or_exit(settings.host, settings.port, sys.argv[1:])
    _log.info("started", **told)
    exporter = _exporter(settings)
    app = create_app(settings, url, exporter)
    if settings.app_env == "development" and "host" in opened.names:
        welcome = _WELCOME + (_SIGN_UP_HERE if settings.local_accounts_enabled else _SIGN_UP_THERE)
        origin = listening.origin(**opened.names)
        print(welcome.format(origin=origin), file=sys.stderr)  # noqa: T201
    _serve(app, settings, opened, exporter)


def __getattr__(name: str) -> Any:
    """`app`, for a server that imports it; made when it is asked for, so that importing this file does nothing."""
    if name == "app":
        return other_servers.app_for_them(_prepared_app)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _prepared_app() -> Api:
    settings, url, told = _prepare()
    _log.info("started", **told)
    return create_app(settings, url)


def __dir__() -> list[str]:
    """With `app`, or FastAPI's command finds none and says nothing that helps."""
    return [*globals(), "app"]


def _prepare() -> tuple[Settings, str, dict[str, Any]]:
    """The settings, the URL of the database and what the log is told of both, with logging set up.

    Exits with one sentence where it cannot go on.
    """
    try:
        settings = load_settings()
        url, head = chosen.url_of(settings), migrations.head()
    except ConfigurationError as error:
        sys.exit(str(error))
    logging.configure(settings.log_level, settings.app_env, settings.log_format)
    for name, doubt in doubtful_names(settings).items():
        _log.warning("unknown setting", setting=name, reason=doubt)
    if settings.auth_local_accounts is None and not settings.local_accounts_enabled:
        reason = {"setting": "AUTH_LOCAL_ACCOUNTS", "reason": "BETTER_AUTH_SECRET is not set"}
        _log.info("local accounts are off", **reason)
    revision, rejection = start_check.look(url, head, accounts=settings.local_accounts_enabled)
    if rejection:
        sys.exit(rejection)
    return settings, url, started.fields(settings, url, revision, head)


def _exporter(settings: Settings) -> "Exporter | None":
    """What METRICS_PORT asks for."""
    if settings.metrics_port is None:
        return None
    from core.metrics.exporter import Exporter  # noqa: PLC0415 (whoever counts nothing has nothing of it in memory)

    opened = listening.open_or_exit(settings.metrics_host, settings.metrics_port, prefix="METRICS_")
    return Exporter(opened.sockets, settings.web_concurrency)


def _serve(app: Api, settings: Settings, opened: listening.Listening, exporter: "Exporter | None") -> None:
    sockets = opened.sockets
    config = server.config(app, settings, app.services.gate, app.services.observe, **opened.names)
    if settings.web_concurrency == 1:
        server.Server(config, settings.shutdown_notice).run(sockets)
        return

    # Loaded and made before the fork, what workers need is in memory once.
    app.make_ready()
    config.load()
    config.get_loop_factory()

    def work(sockets: list[socket.socket], parent: int, place: int) -> None:
        if exporter is not None:
            exporter.meter.take(place)
        server.Server(config, settings.shutdown_notice, parent).run(sockets)

    sys.exit(Workers(settings.web_concurrency, sockets, work).run())


_WELCOME = """
The API is at {origin}/api/v1, its documentation at {origin}/docs. To try it, in another terminal:

  export API={origin}/api/v1
"""
_SIGN_UP_HERE = """\
  export TOKEN=$(curl -s $API/auth/sign-up -H 'Content-Type: application/json' \\
    -d '{{"email": "you@example.com", "password": "a long pass phrase"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
  curl -s $API/users/me/tasks -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"title": "Water the plants"}}'
  curl -s $API/users/me/tasks -H "Authorization: Bearer $TOKEN"

The second time, sign in instead: the same with auth/sign-in for auth/sign-up.
"""
_SIGN_UP_THERE = """\
  export TOKEN=...
  curl -s $API/users/me/tasks -H "Authorization: Bearer $TOKEN"

The token is the one that your sign-in server gives a frontend: docs/better-auth.md.
"""

if __name__ == "__main__":
    main()
