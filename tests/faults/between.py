"""What stands between in production: PgBouncer before PostgreSQL, nginx before the replicas; Debian's programs."""

import os
import pwd
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

import psycopg2

from tests.faults import packages
from tests.faults.bounds import EVENT_SECONDS
from tests.faults.programs import Program, wait_until
from tests.ports import free_port


class PgBouncer(Program):
    """A transaction pooler with few connections of its own, before the PostgreSQL that listens on `target`."""

    POOL = 5

    def __init__(self, folder: Path, target: int, role: str) -> None:
        self.port, self._role = free_port(), role
        name = secrets.token_hex(4)
        settings, users = folder / f"pgbouncer-{name}.ini", folder / f"pgbouncer-{name}.users"
        users.write_text(f'"{role}" ""\n')
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
            f"pool_mode = transaction\ndefault_pool_size = {self.POOL}\nserver_login_retry = 1\n"
            f"admin_users = {role}\n"
        )
        program = packages.needed("pgbouncer")
        # It refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        for path in (settings, users):
            path.chmod(0o644)
        super().__init__([program, str(settings)], folder / f"pgbouncer-{name}.log", user=user)

    def launch(self) -> None:
        """Starts it, and waits until it listens."""
        self.start()
        wait_until(lambda: _listens(self.port), EVENT_SECONDS, "the start of PgBouncer")

    def tell(self, text: str) -> None:
        """Says something on its console."""
        console = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="pgbouncer", user=self._role)
        console.autocommit = True
        console.cursor().execute(text)
        console.close()


class Nginx(Program):
    """The proxy before the replicas. One port as nginx is by default, and one with connections that are kept, for as
    long as `idle` says; it keeps none for longer than 60 s unless told. `more` are directives of its block `http`."""

    def __init__(self, folder: Path, replicas: Sequence[int], idle: str = "1s", more: str = "") -> None:
        self.plain_port, self.kept_port = free_port(), free_port()
        servers = "".join(f"server 127.0.0.1:{port} max_fails=0; " for port in replicas)
        where = [f"{kind}_temp_path {folder}/nginx-{kind};" for kind in _TEMPORARY]
        proxied = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;"
        kept = 'proxy_http_version 1.1; proxy_set_header Connection "";'
        settings = folder / "nginx.conf"
        settings.write_text(
            f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {more} {' '.join(where)}\n"
            f"upstream plain {{ {servers} }}\n"
            f"upstream kept {{ {servers} keepalive 512; keepalive_timeout {idle}; }}\n"
            f"server {{ listen 127.0.0.1:{self.plain_port}; location / {{ proxy_pass http://plain; {proxied} }} }}\n"
            f"server {{ listen 127.0.0.1:{self.kept_port};"
            f" location / {{ proxy_pass http://kept; {proxied} {kept} }} }}\n}}\n"
        )
        program = packages.needed("nginx")
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(settings)]
        super().__init__([*command, *(["-g", user] if user else [])], folder / "nginx.log")

    def launch(self) -> None:
        """Starts it, and waits until it listens."""
        self.start()
        wait_until(lambda: _listens(self.kept_port), EVENT_SECONDS, "the start of nginx")


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
