"""Prometheus itself, with the rules of deploy/: none fires while all is well, and each does after its fault."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import httpx
import pytest
import yaml

from tests.conftest import TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.core.database.locks import locked_tasks
from tests.core.tokens.key_server import KeyServer, SigningKey
from tests.faults import packages
from tests.faults.conftest import Say
from tests.faults.programs import Program, wait_until
from tests.ports import free_port

FOLDER = project_root() / "deploy" / "prometheus"
# A minute of the rules is so many seconds here, and Prometheus asks every second.
MINUTE_SECONDS = 2
CLIENTS = 4
PATIENCE_SECONDS = 90
OF_THE_DATABASE = {"TodoApiFails", "TodoApiSlow", "TodoApiWaitsForConnections"}


class Prometheus(Program):
    """On a port of its own, asking one API."""

    def __init__(self, folder: Path, target: int) -> None:
        found = packages.needed("prometheus")
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (job,) = settings["scrape_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{target}"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        rules, count = re.subn(
            r"\b(\d+)m\b", lambda said: f"{int(said[1]) * MINUTE_SECONDS}s", (FOLDER / "alerts.yml").read_text()
        )
        assert count >= 10
        (folder / "alerts.yml").write_text(rules)
        where = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        super().__init__([found, *where, f"--web.listen-address={self.url[7:]}"], folder / "prometheus.log")

    def firing(self) -> set[str]:
        """The alerts that would be told somebody now."""
        with suppress(httpx.TransportError):
            alerts = httpx.get(f"{self.url}/api/v1/alerts", timeout=10, trust_env=False).json()["data"]["alerts"]
            return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}
        return set()

    def reads(self) -> bool:
        """Whether it has had figures."""
        with suppress(httpx.TransportError):
            asked = {"query": "rate(http_server_request_duration_seconds_count[15s])"}
            found = httpx.get(f"{self.url}/api/v1/query", params=asked, timeout=10, trust_env=False).json()
            return bool(found["data"]["result"])
        return False


@pytest.fixture
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database that is locked."""
    return make_database()


@contextmanager
def _load(url: str, token: str) -> Iterator[None]:
    """Some clients list the tasks of one user, and ask whether it is ready, over and over."""
    stop = Event()

    def ask() -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False) as client:
            while not stop.is_set():
                with suppress(httpx.TransportError):
                    client.get(f"{url}/health/ready")
                    client.get(f"{url}/api/v1/users/me/tasks")
                time.sleep(0.02)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(CLIENTS):
            pool.submit(ask)
        try:
            yield
        finally:
            stop.set()


def test_each_alert_fires_after_its_fault_and_none_before(own: TestDatabase, tmp_path: Path, say: Say) -> None:
    key, port = SigningKey(kid="first"), free_port()
    keys = KeyServer(key)
    settings = {"METRICS_PORT": str(port), "BETTER_AUTH_URL": keys.url, "BETTER_AUTH_JWKS_MAX_AGE": "1"}
    few = {"DATABASE_POOL_SIZE": "1", "REQUEST_TIMEOUT": "1", "LOG_LEVEL": "ERROR", "PORT": str(free_port())}
    api = ApiProcess(own.proxied_url, **{**settings, **few})  # type: ignore[arg-type]
    prometheus = Prometheus(tmp_path, port)
    prometheus.start()
    try:
        with api, _load(api.url, key.token(keys.url, sub="somebody")):
            wait_until(prometheus.reads, PATIENCE_SECONDS, "figures in Prometheus")
            calm = time.monotonic() + 12 * MINUTE_SECONDS
            wait_until(lambda: time.monotonic() > calm, PATIENCE_SECONDS, "a calm time")
            assert prometheus.firing() == set()

            with locked_tasks(own):
                seconds = wait_until(
                    lambda: prometheus.firing() >= OF_THE_DATABASE, PATIENCE_SECONDS, "the alerts of a silent database"
                )
            say(f"{', '.join(sorted(OF_THE_DATABASE))}: {seconds:.0f} s after the table was locked")
            keys.status = 500
            seconds = wait_until(
                lambda: "TodoApiKeysNotFetched" in prometheus.firing(), PATIENCE_SECONDS, "the alert of the keys"
            )
            say(f"TodoApiKeysNotFetched: {seconds:.0f} s after they were gone")
            assert not prometheus.firing() & {"TodoApiNotReady", "TodoApiRejectsTokens"}
            with _load(api.url, "not.a.token"), _load(api.url, "undefined"):
                seconds = wait_until(
                    lambda: "TodoApiRejectsTokens" in prometheus.firing(), PATIENCE_SECONDS, "the alert of the tokens"
                )
            say(f"TodoApiRejectsTokens: {seconds:.0f} s after most were not valid")
            own.proxy.refuse()
            seconds = wait_until(
                lambda: "TodoApiNotReady" in prometheus.firing(), PATIENCE_SECONDS, "the alert of readiness"
            )
            say(f"TodoApiNotReady: {seconds:.0f} s after the database refused")
            api.send(signal.SIGKILL)
            seconds = wait_until(lambda: "TodoApiDown" in prometheus.firing(), PATIENCE_SECONDS, "the last alert")
            say(f"TodoApiDown: {seconds:.0f} s after it was killed")
    finally:
        prometheus.stop()
        keys.close()
