"""Three PostgreSQL under Patroni, with etcd and HAProxy, on the loopback; each program ended by its own number."""

import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import psycopg2

from core.database import embedded
from tests.conftest import project_root
from tests.faults.packages import needed
from tests.faults.programs import Program, wait_until
from tests.ports import free_port

# Patroni's shortest: after so many seconds without a sign of it the leader is another one.
TTL = 20
EVENT_SECONDS = 90
_PATRONI = project_root() / ".venv" / "failover" / "bin" / "patroni"
_ROLES = {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}}
_HAPROXY = """
defaults
    mode tcp
    timeout connect 2s
    timeout client 1m
    timeout server 1m
listen primary
    bind 127.0.0.1:{port}
    option httpchk GET /primary
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


class Node(Program):
    """One Patroni with its PostgreSQL."""

    def __init__(self, name: str, folder: Path, settings: dict[str, Any], tools: Path, user: str | None) -> None:
        self.name, self.port, self.rest = name, free_port(), free_port()
        self.data = folder / name / "data"
        own = {
            "name": name,
            "restapi": {"listen": f"127.0.0.1:{self.rest}", "connect_address": f"127.0.0.1:{self.rest}"},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self.data),
                "bin_dir": str(tools),
                "pgpass": str(folder / name / "pgpass"),
                "authentication": _ROLES,
                "pg_hba": [f"{kind} all 127.0.0.1/32 trust" for kind in ("host all", "host replication")],
                "parameters": {"unix_socket_directories": ""},
            },
        }
        (folder / name).mkdir()
        if user is not None:
            shutil.chown(folder / name, user)
        file = folder / f"{name}.json"  # which is YAML as well
        file.write_text(json.dumps({**settings, **own}))
        super().__init__([str(_PATRONI), str(file)], folder / f"{name}.log", user=user)

    def role(self) -> str:
        """`primary`, `replica`, or empty where it does not say."""
        with suppress(OSError, URLError, ValueError, KeyError):
            with urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as response:
                found = json.load(response)
            return (
                {"master": "primary"}.get(found["role"], found["role"])
                if found["state"] in ("running", "streaming")
                else ""
            )
        return ""

    def ask(self, path: str, **body: Any) -> int:
        """The status of a POST."""
        request = Request(
            f"http://127.0.0.1:{self.rest}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urlopen(request, timeout=EVENT_SECONDS) as response:
                return int(response.status)
        except HTTPError as error:
            return error.code

    def everybody(self) -> list[psutil.Process]:
        """Patroni, and the server of its data with all its processes."""
        found = [psutil.Process(self.pid)]
        with suppress(OSError, ValueError, psutil.Error):
            postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            found += [postmaster, *postmaster.children(recursive=True)]
        return found

    def signal_all(self, number: int, only: str = "") -> None:
        """Sends it to all of them, or to those with a word in their command line."""
        for process in self.everybody():
            with suppress(psutil.Error):
                if only in " ".join(process.cmdline()):
                    process.send_signal(number)

    def kill_all(self) -> None:
        """SIGKILL, all stopped before, so that none starts another meanwhile."""
        self.signal_all(signal.SIGSTOP)
        self.signal_all(signal.SIGKILL)
        self.wait()


class Cluster:
    """etcd, three nodes and HAProxy."""

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self.synchronous = synchronous
        tools, user = _server(folder)
        client, peer = free_port(), free_port()
        urls = [f"http://127.0.0.1:{port}" for port in (client, peer)]
        etcd = [needed("etcd"), "--data-dir", str(folder / "etcd"), "--name", "one"]
        etcd += ["--listen-client-urls", urls[0], "--advertise-client-urls", urls[0], "--listen-peer-urls", urls[1]]
        etcd += ["--initial-advertise-peer-urls", urls[1], "--initial-cluster", f"one={urls[1]}"]
        self._etcd = Program(etcd, folder / "etcd.log")
        settings = _settings(f"127.0.0.1:{client}", synchronous=synchronous)
        self.nodes = [Node(name, folder, settings, tools, user) for name in ("one", "two", "three")]
        self.port = free_port()
        servers = "\n".join(f"    server {n.name} 127.0.0.1:{n.port} check port {n.rest}" for n in self.nodes)
        (folder / "haproxy.cfg").write_text(_HAPROXY.format(port=self.port, servers=servers))
        command = [needed("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]
        self._haproxy = Program(command, folder / "haproxy.log")

    def start(self) -> None:
        """Waits until there are a primary and two that follow it."""
        self._etcd.start()
        for node in self.nodes:
            node.start()
        self.wait_whole()
        self._haproxy.start()

    def stop(self) -> None:
        """Ends everything, also where one of them cannot be ended."""
        with ExitStack() as ending:
            ending.callback(self._etcd.stop)
            for node in self.nodes:
                if node.running:
                    ending.callback(node.kill_all)
            ending.callback(self._haproxy.stop)

    def wait_whole(self) -> None:
        """All are there, and one of them leads."""
        roles = ["primary", "replica", "replica"]
        wait_until(lambda: sorted(node.role() for node in self.nodes) == roles, EVENT_SECONDS, "three servers")
        if self.synchronous:
            wait_until(self._waits_for_one, EVENT_SECONDS, "a synchronous standby")

    def _waits_for_one(self) -> bool:
        with suppress(psycopg2.Error):
            sql = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            return self.query(self.primary(), "postgres", sql) != []
        return False

    def primary(self, *, but: Node | None = None) -> Node:
        """The one that leads; waits until there is one, another one than `but`."""
        others = [node for node in self.nodes if node is not but]
        wait_until(lambda: any(node.role() == "primary" for node in others), EVENT_SECONDS, "a primary")
        return next(node for node in others if node.role() == "primary")

    def url(self, database: str) -> str:
        """Through HAProxy."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def hosts_url(self, database: str) -> str:
        """All three, of which the client takes the one that takes writes."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"

    def query(self, node: Node, database: str, sql: str) -> list[tuple[Any, ...]]:
        """Asks one of them."""
        session = psycopg2.connect(f"postgresql://postgres@127.0.0.1:{node.port}/{database}", connect_timeout=10)
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall() if cursor.description else []
        session.close()
        return rows


def _server(folder: Path) -> tuple[Path, str | None]:
    """Where PostgreSQL's programs are, and as whom they run."""
    server = embedded.start(folder / "probe", keep=False)
    found = server.bin_path, server.system_user
    server.cleanup()
    return found


def _settings(etcd: str, *, synchronous: bool) -> dict[str, Any]:
    common = {"max_connections": 60, "wal_log_hints": "on", "fsync": "on"}
    return {
        "scope": "todo",
        "etcd3": {"hosts": etcd},
        "watchdog": {"mode": "off"},
        "bootstrap": {
            "dcs": {
                "ttl": TTL,
                "loop_wait": 2,
                "retry_timeout": 5,
                "synchronous_mode": synchronous,
                "postgresql": {"use_pg_rewind": True, "parameters": common},
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}],
        },
    }


@contextmanager
def running(*, synchronous: bool) -> Iterator[Cluster]:
    """A cluster in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="todo-api-failover-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder, synchronous=synchronous)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
