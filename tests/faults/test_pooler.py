"""How long the pooler's own pause after a refused login keeps the service away, when it is not ours to configure."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults import trial
from tests.faults.bench import Bench
from tests.faults.bounds import RECOVERED_SECONDS
from tests.faults.conftest import Say
from tests.faults.report import Report

DEFAULT_LOGIN_RETRY = 15


@contextmanager
def _away(bench: Bench) -> Iterator[None]:
    bench.postgres.stop("fast")
    try:
        yield
    finally:
        bench.postgres.start()


def test_recovery_takes_no_longer_than_the_poolers_pause_after_a_refused_login(
    bench: Bench, report: Report, say: Say
) -> None:
    rows = []
    for pause in (1, DEFAULT_LOGIN_RETRY):
        bench.pgbouncer.tell(f"SET server_login_retry = {pause}")
        (found,) = trial.run(bench, "PostgreSQL stopped", _away(bench), 2, [bench.pooled])
        say(f"server_login_retry = {pause}: first success {found.first_success:.2f} s after it")
        # Passed by a pause of our own, or a second one of the pooler's after 15 s.
        assert found.complaints(pause + RECOVERED_SECONDS) == []
        rows.append([pause, f"{found.first_success:.2f} s", found.verdict.acknowledged, found.verdict.broken])
    bench.pgbouncer.tell("SET server_login_retry = 1")
    head = ["`server_login_retry`", "first success after", "acknowledged", "lost, doubled or appeared"]
    report.table("login-retry", head, rows)
