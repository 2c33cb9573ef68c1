"""clients/typescript as it would be published: packed, compiled against, and run, also behind a bad network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.better_auth.servers import BetterAuth
from tests.clients.snippets import program
from tests.clients.workplace import CLIENT, GENERATORS, TYPES, Workplace
from tests.conftest import RunningServer, TestDatabase, UserClient, project_root

# In the scenarios: what is replaced by what, and what the compiler says.
MISTAKES = [
    ('isProblem(error, "not_found")', 'isProblem(error, "not_fuond")', "TS2345"),
    ("satisfies 404", "satisfies 409", "TS1360"),
    ('case "too_short":', 'case "to_short":', "TS2678"),
    ('sort: "title"', 'sort: "titel"', "TS2820"),
    ("limit: 7", "cursor: null", "TS2353"),
    ('title: "Water the plants"', 'titel: "Water the plants"', "TS2561"),
    ("token: signedIn }", "tokens: signedIn }", "TS2561"),
]


@pytest.fixture(scope="module")
def bundle(place: Workplace, package: Path) -> Path:
    """The scenarios in one file, as a page would load them."""
    return place.bundle("package/scenarios")


@pytest.fixture
def run(place: Workplace, bundle: Path, alice: UserClient) -> Callable[..., Any]:
    """Runs one scenario as a user of the API; gives what it prints last."""

    def run_one(scenario: str, script: Path = bundle, **environment: str) -> Any:
        return [
            json.loads(line)
            for line in place.must("node", str(script), **_told(alice, scenario, **environment)).splitlines()
        ]

    return run_one


def _told(user: UserClient, scenario: str, **environment: str) -> dict[str, str]:
    token = user.headers["Authorization"].removeprefix("Bearer ")
    return {"API": str(user.base_url).rstrip("/"), "TOKEN": token, "SCENARIO": scenario, **environment}


def test_its_types_are_those_of_the_document(place: Workplace) -> None:
    """`make client-types` writes them anew."""
    place.must(*GENERATORS["openapi-fetch"])
    generated = (place.folder / TYPES).read_text(encoding="utf-8")
    assert (CLIENT / "src" / "schema.ts").read_text(encoding="utf-8") == generated


def test_it_compiles_with_strict_alone(place: Workplace, package: Path) -> None:
    """Most projects have neither of the stricter options that the others are compiled with."""
    off = {"exactOptionalPropertyTypes": False, "noUncheckedIndexedAccess": False}
    (package / "plain.json").write_text(json.dumps({"extends": "./tsconfig.json", "compilerOptions": off}))
    assert place.compile("package/plain.json") == {}


def test_what_is_packed(package: Path) -> None:
    packed = package / "node_modules" / "todo-api-client"
    modules = {path.stem for path in (CLIENT / "src").glob("*.ts")}
    made = {f"dist/{name}{ending}" for name in modules for ending in (".js", ".d.ts")}
    files = {str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file()}
    assert files == made | {"LICENSE", "README.md", "package.json"}
    assert (packed / "LICENSE").read_text() == (project_root() / "LICENSE").read_text()
    described = json.loads((packed / "package.json").read_text())
    assert list(described["dependencies"]) == ["openapi-fetch"]
    assert described["license"] == "MIT"


@pytest.fixture(scope="module")
def errors(place: Workplace, package: Path) -> dict[str, list[str]]:
    """What the compiler says of the scenarios, and of them with each mistake, by file."""
    text = (package / "scenarios.ts").read_text(encoding="utf-8")
    for number, (right, wrong, _) in enumerate(MISTAKES):
        assert right in text
        (package / f"mistake-{number}.ts").write_text(text.replace(right, wrong, 1))
    return place.compile("package")


def test_what_uses_it_compiles_strictly(errors: dict[str, list[str]]) -> None:
    assert {file: codes for file, codes in errors.items() if "mistake" not in file} == {}


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[wrong for _, wrong, _ in MISTAKES])
def test_a_mistake_does_not_compile(errors: dict[str, list[str]], number: int) -> None:
    assert MISTAKES[number][2] in errors[f"package/mistake-{number}.ts"]


def test_the_first_day(run: Callable[..., Any], alice: UserClient) -> None:
    (found,) = run("first_day")
    assert found["short"] == ["mindestens 1 Zeichen"]
    assert (found["late"], found["gone"]) == (["precondition_failed"] * 4, "gone: 404")
    assert found["tasks"] == alice.get(alice.tasks).json()["items"]
    assert [(one["title"], one["description"]) for one in found["tasks"]] == [("Feed the cat", "was: Feed the cat")]


def test_what_is_known_already_is_neither_data_nor_an_error(run: Callable[..., Any]) -> None:
    assert run("known") == [{"status": 304, "tag": True, "none": True, "taken": True}]


def test_writes_to_one_task_go_one_after_the_other(run: Callable[..., Any], alice: UserClient) -> None:
    assert run("writes_in_order") == [{"listed": 1, "edited": ["1", "2", "3"], "deleted": 204}]
    assert alice.get(alice.tasks).json()["items"] == []


def test_pages_and_changes_are_iterated(run: Callable[..., Any]) -> None:
    found = [[["1"], 1, False], [[], 0, False]]
    assert run("pages_and_changes") == [{"listed": ["1", "2", "3"], "found": found, "anew": [[2, True], [0, False]]}]


def test_many_are_written_and_counted_at_once(run: Callable[..., Any]) -> None:
    """By one request each, with a key for each, and no If-Match, which is for one."""
    assert run("many_at_once") == [
        {
            "numbers": [0, 0, 2, 2, 2, 1],
            "stale": ["stale", "stale"],
            "other": "completed",
            "same": True,
            "left": ["third"],
            "edited": "third",
            "keys": 9,
            "deletes": 2,
        }
    ]


@pytest.fixture
def signed_up(api: httpx.Client) -> dict[str, Any]:
    """A local account."""
    fields = {"email": "alice-of-the-client@example.com", "password": "a long pass phrase"}
    response = api.post("/api/v1/auth/sign-up", json=fields)
    assert response.status_code == 201
    tokens: dict[str, Any] = response.json()
    return tokens


def test_a_token_is_fetched_once_and_ahead_of_its_end(run: Callable[..., Any], signed_up: dict[str, Any]) -> None:
    (found,) = run("renewed_ahead", REFRESH_TOKEN=signed_up["refresh_token"])
    assert found["statuses"] == [200]
    assert found["refreshed"]
    refresh, tasks = "POST /api/v1/auth/refresh", "GET /api/v1/users/me/tasks"
    assert found["began"] == {"all": 11, refresh: 1, tasks: 10}
    assert found["then"] == {"all": 22, refresh: 2, tasks: 20}


def test_a_token_that_is_rejected_is_renewed_once(run: Callable[..., Any]) -> None:
    (found,) = run("rejected")
    assert found["statuses"] == [200]
    assert found["given"] == 2
    assert found["counts"]["all"] == 20
    assert found["rejectedTwice"] == "invalid_token"


def test_who_is_signed_out_is_told(run: Callable[..., Any]) -> None:
    assert run("signed_out") == [{"before": [True, None, True], "items": []}]


def test_nothing_is_done_as_somebody_else_who_has_signed_in(run: Callable[..., Any]) -> None:
    assert run("another_person") == [{"thrown": ["SignedOutError", "SignedOutError"], "items": []}]


def test_a_page_of_another_origin_signs_in_with_the_cookie(
    run: Callable[..., Any], start_server: Callable[..., RunningServer]
) -> None:
    api = start_server(auth_cookies=True, cors_origins=("https://app.example.com",))
    assert run("cookie", API=api.url) == [{"first": [200, 200], "out": "SignedOutError", "again": 200}]


def test_a_deleted_account_is_deleted_once(run: Callable[..., Any]) -> None:
    assert run("account_deleted") == [{"status": 204, "sent": 2, "after": "account_deleted"}]


def test_another_page_is_no_response_of_the_api(run: Callable[..., Any]) -> None:
    """So a write that got one is not given up, and nobody is signed out."""
    assert run("another_page") == [[200, 200, 200, 200, 200]]


def test_the_tokens_of_better_auth(
    run: Callable[..., Any], deploy: Callable[..., BetterAuth], start_server: Callable[..., RunningServer]
) -> None:
    (auth,) = deploy({}).urls
    api = start_server(better_auth_url=auth)
    (found,) = run("better_auth", API=api.url, AUTH=auth)
    # Two of the requests for a token were made while nobody was signed in, and once the account was gone; no more.
    assert found == {"before": True, "title": "Water the plants", "after": "account_deleted", "tokens": 2}


def test_a_write_waits_for_the_database(
    place: Workplace,
    bundle: Path,
    alice: UserClient,
    make_database: Callable[[], TestDatabase],
    start_server: Callable[..., RunningServer],
) -> None:
    database = make_database()
    api = start_server(database=database)
    database.proxy.refuse()
    told = _told(alice, "outage", API=api.url)
    with place.start("node", str(bundle), **told) as running:
        assert running.stdout is not None
        impatient = json.loads(running.stdout.readline())
        database.proxy.accept()
        found = json.loads(running.stdout.readline())
    assert impatient == {"code": "database_unavailable", "wait": True, "sent": 1}
    assert found == {"title": "Water the plants", "first": 503, "last": 201}
    assert database.query("SELECT title FROM tasks") == [("Water the plants",)]


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_bad_network_loses_and_doubles_nothing(
    run: Callable[..., Any], bundle: Path, alice: UserClient, database: TestDatabase, seed: int
) -> None:
    found, happened = run("bad_network", bundle.with_name("through-proxy.mjs"), SEED=str(seed))
    kept = [number for number in range(60) if number % 3]
    assert found["listed"] == kept
    rows = database.query("SELECT title, status, version FROM tasks WHERE user_id = %s", alice.user_id)
    assert sorted((int(title), status, version) for title, status, version in rows) == [
        (number, "completed", 2) for number in kept
    ]
    # That it was put to the test: repeats that the API knew by their keys, and every fault.
    assert happened["repeats"] > 10
    assert len(happened["faults"]) == 11


def test_what_its_page_says_runs(
    place: Workplace, package: Path, deploy: Callable[..., BetterAuth], start_server: Callable[..., RunningServer]
) -> None:
    (auth,) = deploy({}).urls
    api = start_server(better_auth_url=auth)
    (package / "readme.ts").write_text(program(CLIENT / "README.md", api=api.url, app=auth))
    assert place.compile("package").get("package/readme.ts", []) == []
    printed = place.execute("package/readme", AUTH=auth)
    assert printed.splitlines() == ["true", "Feed the cat"]
