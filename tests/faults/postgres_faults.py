"""What happens to PostgreSQL itself: it stops, crashes, freezes, fills up, or will not have the application."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psycopg2

from tests.faults import disk
from tests.faults.bench import Bench
from tests.faults.fault import CANNOT, DEADLINE, LOST, SILENCE, Fault, Inject, fault, repeating
from tests.faults.postgres import CROWD, MAX_CONNECTIONS, ROLE


@contextmanager
def _stopped(bench: Bench, how: str) -> Iterator[None]:
    bench.postgres.stop(how)
    try:
        yield
    finally:
        bench.postgres.start()


@contextmanager
def _killed(bench: Bench) -> Iterator[None]:
    bench.postgres.kill()
    try:
        yield
    finally:
        bench.postgres.start()


@contextmanager
def _backend_killed(bench: Bench) -> Iterator[None]:
    """All sessions end, and PostgreSQL recovers by itself; the fault is over when it takes sessions again. Once is
    enough, unless it recovers before anybody has asked."""
    with repeating(partial(bench.postgres.kill_one_backend, bench.direct.database), 2):
        yield
    bench.postgres.wait_ready()


@contextmanager
def _frozen(bench: Bench, *, postmaster_only: bool = False) -> Iterator[None]:
    """All processes, or the one that takes connections: then sessions that are there would go on, so they end."""
    with bench.postgres.session() as session:
        bench.postgres.freeze(postmaster_only=postmaster_only)
        if postmaster_only:
            names = [way.database for way in bench.ways]
            session.cursor().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)", (names,)
            )
    try:
        yield
    finally:
        bench.postgres.thaw()


@contextmanager
def _pestered(bench: Bench, function: str, pause: float) -> Iterator[None]:
    """Does it to all sessions, again and again."""
    sql = f"SELECT {function}(pid) FROM pg_stat_activity WHERE datname = ANY(%s)"
    names = [way.database for way in bench.ways]
    with (
        bench.postgres.session() as session,
        session.cursor() as cursor,
        repeating(lambda: cursor.execute(sql, (names,)), pause),
    ):
        yield


def _end_sessions(bench: Bench) -> None:
    for way in bench.ways:
        bench.postgres.end_sessions(way.database)


@contextmanager
def _altered(bench: Bench, name: str, value: str) -> Iterator[None]:
    """A setting of the server, which takes hold in all sessions at once."""
    bench.postgres.configure(f"ALTER SYSTEM SET {name} = {value}")
    try:
        yield
    finally:
        bench.postgres.configure(f"ALTER SYSTEM RESET {name}")


@contextmanager
def _exhausted(bench: Bench) -> Iterator[None]:
    """Others take every place that there is."""
    with ExitStack() as sessions:
        bench.postgres.query(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")  # nobody slips in between
        try:
            _end_sessions(bench)
            with suppress(psycopg2.OperationalError):
                for _ in range(MAX_CONNECTIONS):
                    sessions.enter_context(bench.postgres.session(role=CROWD))
        finally:
            bench.postgres.query(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
        yield


@contextmanager
def _said(bench: Bench, before: str, after: str) -> Iterator[None]:
    """SQL about each database; the sessions there end after it."""
    for way in bench.ways:
        bench.postgres.query(before.format(database=way.database, role=ROLE))
    _end_sessions(bench)
    try:
        yield
    finally:
        for way in bench.ways:
            bench.postgres.query(after.format(database=way.database, role=ROLE))


@contextmanager
def _locked(bench: Bench, sql: str) -> Iterator[None]:
    """A session of somebody else holds what `sql` locks."""
    with ExitStack() as sessions:
        for way in bench.ways:
            cursor = sessions.enter_context(bench.postgres.session(way.database)).cursor()
            cursor.execute(f"BEGIN; {sql}")
        yield


def _lock(table: str) -> Inject:
    return partial(_locked, sql=f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


_NO_LOGIN = partial(_said, before="ALTER ROLE {role} NOLOGIN", after="ALTER ROLE {role} LOGIN")
_CLOSED = partial(
    _said,
    before="ALTER DATABASE {database} ALLOW_CONNECTIONS false",
    after="ALTER DATABASE {database} ALLOW_CONNECTIONS true",
)

FAULTS: tuple[Fault, ...] = (
    fault("PostgreSQL stopped (fast), then started", partial(_stopped, how="fast"), CANNOT),
    fault("PostgreSQL stopped (immediate), then started", partial(_stopped, how="immediate"), CANNOT),
    fault("PostgreSQL killed (`kill -9`), then started", _killed, CANNOT),
    fault(
        "one session's process killed (`kill -9`): crash recovery", _backend_killed, LOST, CANNOT, "57P02", seconds=0.5
    ),
    fault("PostgreSQL silent (SIGSTOP)", _frozen, DEADLINE, seconds=SILENCE),
    fault(
        "postmaster silent (SIGSTOP), sessions ended", partial(_frozen, postmaster_only=True), DEADLINE, seconds=SILENCE
    ),
    fault(
        "all sessions terminated every 50 ms",
        partial(_pestered, function="pg_terminate_backend", pause=0.05),
        LOST,
        "57P01",
    ),
    fault(
        "all statements cancelled every 2 ms", partial(_pestered, function="pg_cancel_backend", pause=0.002), "57014"
    ),
    fault("sessions ended after 50 ms of idling", partial(_altered, name="idle_session_timeout", value="50")),
    fault("read-only", partial(_altered, name="default_transaction_read_only", value="on"), "25006"),
    fault("`max_connections` exhausted by others", _exhausted, "53300", CANNOT),
    fault("the role may not log in", _NO_LOGIN, CANNOT),
    fault("the database takes no connections", _CLOSED, CANNOT),
    fault("a table locked for longer than requests wait", _lock("tasks"), "57014", "55P03", seconds=SILENCE),
    fault("all rows locked by another transaction", partial(_locked, sql="SELECT FROM tasks FOR UPDATE"), seconds=1.5),
    fault("the table of keys locked", _lock("idempotency_keys"), seconds=3.0),
    fault("disk full", disk.full, "53100"),
)
