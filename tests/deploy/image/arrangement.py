"""The image in two containers, behind the nginx and before the PgBouncer of deploy/, as compose.yaml has them."""

import re
import secrets
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.conftest import SECRET, project_root
from tests.deploy.image.podman import Podman
from tests.faults.background import Background
from tests.faults.bench import Bench, Way
from tests.faults.between import Nginx, PgBouncer
from tests.faults.postgres import ROLE, Postgres
from tests.faults.programs import Replica
from tests.ports import free_port

DEPLOY = project_root() / "deploy"


class Container(Replica):
    """A replica that is a container: signals go to the engine, which hands them on."""

    def __init__(self, podman: Podman, name: str, folder: Path, database_url: str, **environment: str) -> None:
        super().__init__(name, folder, database_url, **environment)
        settings = {
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_URL": database_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LOG_LEVEL": "WARNING",
            **environment,
        }
        self.name, self._podman = f"todo-{name}-{secrets.token_hex(3)}", podman
        self.command = podman.command(name=self.name, **settings)

    def ask(self, *command: str) -> None:
        """Runs a command in it. Raises UnavailableError where that fails."""
        self._podman("exec", self.name, *command, seconds=30)


class DeployedPgBouncer(PgBouncer):
    """The settings of deploy/pgbouncer, with other places."""

    def __init__(self, folder: Path, target: int, role: str) -> None:
        super().__init__(folder, target, role)
        text = (DEPLOY / "pgbouncer" / "pgbouncer.ini").read_text()
        users = folder / "users.txt"
        users.write_text(f'"{role}" "{PASSWORD}"\n')
        users.chmod(0o644)
        settings = Path(self.command[-1])
        for pattern, value in (
            (r"^todo = .*$", f"* = host=127.0.0.1 port={target}"),
            (r"^listen_addr = .*$", "listen_addr = 127.0.0.1"),
            (r"^listen_port = .*$", f"listen_port = {self.port}"),
            (r"^auth_file = .*$", f"auth_file = {users}"),
        ):
            text, count = re.subn(pattern, value, text, flags=re.MULTILINE)
            assert count == 1, pattern
        settings.write_text(text)


PASSWORD = secrets.token_hex(8)


class DeployedNginx(Nginx):
    """The file of deploy/nginx, with other places; `kept_port` is the same without TLS."""

    def __init__(self, folder: Path, replicas: Sequence[int]) -> None:
        super().__init__(folder, replicas)
        self.https_port = free_port()
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
        more = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out"]
        subprocess.run(["openssl", *made, *more, str(self.certificate)], check=True, capture_output=True)
        text = (DEPLOY / "nginx" / "todo-api.conf").read_text()
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in replicas)
        for pattern, value in (
            (r"(?:^    server 127\.0\.0\.1:800\d max_fails=0;\n)+", f"    {servers}\n"),
            (r"listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            (
                r"listen 443 ssl http2;",
                f"listen 127.0.0.1:{self.https_port} ssl http2; listen 127.0.0.1:{self.kept_port};",
            ),
            (r"/etc/letsencrypt\S+fullchain.pem", str(self.certificate)),
            (r"/etc/letsencrypt\S+privkey.pem", str(key)),
            (r"/var/log/nginx/todo-api.log", str(folder / "nginx-access.log")),
        ):
            text, count = re.subn(pattern, value, text, flags=re.MULTILINE)
            assert count == 1, pattern
        settings = folder / "nginx.conf"
        settings.write_text(
            re.sub(r"^upstream plain.*\Z", text, settings.read_text(), flags=re.MULTILINE | re.DOTALL) + "}\n"
        )


class Arrangement(Bench):
    """One way, from nginx to PostgreSQL."""

    def __init__(self, folder: Path, ends: ExitStack, podman: Podman) -> None:
        self.folder, self._ends, self._podman = folder, ends, podman
        self.network, self.clients = Background("proxies"), Background("clients")
        for background in (self.network, self.clients):
            self._ends.callback(background.close)
        self.postgres = Postgres(folder)
        self._ends.callback(self.postgres.remove)
        self.behind = self.proxy_to_postgres()
        self.pgbouncer = DeployedPgBouncer(folder, self.behind.port, ROLE)
        self.pgbouncer.launch()
        self._ends.callback(self.pgbouncer.stop)
        # Migrated by the image; the journal of the writes is the tests' own.
        self.database = self.postgres.make_database("todo", migrated=False)
        self.direct_url = self.url(self.behind.port, self.database)
        self.pooled_url = self.direct_url.replace(f"{ROLE}@", f"{ROLE}:{PASSWORD}@").replace(
            str(self.behind.port), str(self.pgbouncer.port)
        )

    def migrate(self) -> str:
        """What the migration job says."""
        settings = {"DATABASE_URL": self.direct_url}
        command = self._podman.command("-m", "alembic", "upgrade", "head", **settings)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        self.postgres.note_writes(self.database)
        return done.stdout

    def container(self, name: str, **environment: str) -> Container:
        """One that is not started."""
        made = Container(self._podman, name, self.folder, self.pooled_url, **environment)
        self._ends.callback(made.stop)
        return made

    def nginx_before(self, replicas: Sequence[Replica]) -> DeployedNginx:
        """A running nginx."""
        made = DeployedNginx(self.folder, [one.port for one in replicas])
        made.launch()
        self._ends.callback(made.stop)
        return made

    def way(self, replicas: Sequence[Replica], port: int) -> Way:
        """The clients' way."""
        return Way("the image", self.database, self.pooled_url, self.behind, replicas, [port], self.postgres)
