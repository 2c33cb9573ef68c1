"""What happens to the way to PostgreSQL and, on the pooled way, to PgBouncer and what lies behind it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

import psycopg2

from tests.faults.bench import Bench
from tests.faults.between import PgBouncer
from tests.faults.fault import CANNOT, DEADLINE, LOST, SILENCE, Fault, Inject, fault, repeating
from tests.faults.proxy import Proxy

Act = Callable[[Proxy], AbstractContextManager[None]]
POOLED = ("pooled",)


@contextmanager
def _before(bench: Bench, act: Act) -> Iterator[None]:
    """The same on both ways: before PostgreSQL, and before PgBouncer."""
    with ExitStack() as acts:
        for way in bench.ways:
            acts.enter_context(act(way.proxy))
        yield


@contextmanager
def _behind(bench: Bench, act: Act) -> Iterator[None]:
    """Between PgBouncer and PostgreSQL."""
    with act(bench.behind):
        yield


@contextmanager
def _repeated(proxy: Proxy, act: Callable[[Proxy], None]) -> Iterator[None]:
    """Does it now, and every 100 ms."""
    with repeating(partial(act, proxy), 0.1):
        yield


@contextmanager
def _waking(proxy: Proxy) -> Iterator[None]:
    """All connections end, and new ones take as long as a compute may take to wake up."""
    with proxy.changed(waking=3.0):
        proxy.reset()
        yield


@contextmanager
def _pooler_killed(bench: Bench) -> Iterator[None]:
    bench.pgbouncer.kill()
    try:
        yield
    finally:
        bench.pgbouncer.launch()


@contextmanager
def _pooler_frozen(bench: Bench) -> Iterator[None]:
    bench.pgbouncer.freeze()
    try:
        yield
    finally:
        bench.pgbouncer.thaw()


@contextmanager
def _pool_taken(bench: Bench) -> Iterator[None]:
    """Other clients of the same pool sit in transactions on every connection it may have."""
    with ExitStack() as sessions:
        for _ in range(PgBouncer.POOL):
            session = psycopg2.connect(bench.url(bench.pgbouncer.port, bench.pooled.database))
            sessions.callback(session.close)
            session.cursor().execute("SELECT")
        yield


def _changed(**weather: float | bool) -> Inject:
    return partial(_before, act=lambda proxy: proxy.changed(**weather))


def _half_closed(*, towards_client: bool) -> Inject:
    act = partial(Proxy.half_close, towards_client=towards_client)
    return partial(_before, act=partial(_repeated, act=act))


_RESET = partial(_repeated, act=Proxy.reset)
_DEAD = partial(Proxy.silent, for_ever=True)

FAULTS: tuple[Fault, ...] = (
    fault("connections refused", partial(_before, act=Proxy.refusing), CANNOT),
    fault("connections reset (RST) every 100 ms", partial(_before, act=_RESET), LOST, CANNOT),
    fault("half-closed by the server's side every 100 ms", _half_closed(towards_client=True)),
    fault("half-closed by our side every 100 ms", _half_closed(towards_client=False)),
    fault("packets vanish, then flow again", partial(_before, act=Proxy.silent), DEADLINE, seconds=SILENCE),
    fault(
        "packets vanish for 2 s; connections stay dead without a sign",
        partial(_before, act=_DEAD),
        DEADLINE,
        leaves_dead=True,
        met_later=True,
    ),
    fault("slow: 100 ms each way", _changed(delay=0.1)),
    fault(
        "slower than any request waits: 6 s each way", _changed(delay=6.0), DEADLINE, seconds=SILENCE, leaves_dead=True
    ),
    fault("a compute that wakes up: connecting takes 3 s", partial(_before, act=_waking), seconds=4.0),
    fault("one response in five lost, the connection reset", _changed(loses=0.2), LOST, seconds=4.0),
    fault("responses byte by byte", _changed(trickles=True), seconds=3.0),
    fault("responses of another protocol", _changed(garbage=True), LOST, CANNOT),
    fault("PgBouncer killed (`kill -9`), then started", _pooler_killed, CANNOT, LOST, ways=POOLED),
    fault("PgBouncer silent (SIGSTOP)", _pooler_frozen, DEADLINE, seconds=SILENCE, ways=POOLED),
    fault("PgBouncer's pool taken by others", _pool_taken, DEADLINE, seconds=SILENCE, ways=POOLED),
    fault("behind PgBouncer: connections refused", partial(_behind, act=Proxy.refusing), CANNOT, LOST, ways=POOLED),
    fault("behind PgBouncer: connections reset every 100 ms", partial(_behind, act=_RESET), LOST, "08P01", ways=POOLED),
    fault(
        "behind PgBouncer: packets vanish", partial(_behind, act=Proxy.silent), DEADLINE, seconds=SILENCE, ways=POOLED
    ),
)
