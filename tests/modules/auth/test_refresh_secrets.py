"""While BETTER_AUTH_SECRET is replaced, processes that know the new one stand beside some that do not know it yet."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import SECRET, RunningServer, TestDatabase, assert_problem
from tests.modules.auth.accounts import Account, pass_time, refresh, refreshed, sessions

NEW_SECRET = secrets.token_hex(32)
# By their BETTER_AUTH_SECRET and BETTER_AUTH_SECRET_PREVIOUS.
PROCESSES = {
    "before": (SECRET, None),
    "told": (SECRET, NEW_SECRET),
    "during": (NEW_SECRET, SECRET),
    "after": (NEW_SECRET, None),
}


@pytest.fixture(scope="module")
def processes(start_server: Callable[..., RunningServer]) -> Iterator[dict[str, httpx.Client]]:
    """A client of each."""
    with ExitStack() as ends:

        def start(secret: str, previous: str | None) -> httpx.Client:
            url = start_server(better_auth_secret=secret, better_auth_secret_previous=previous).url
            return ends.enter_context(httpx.Client(base_url=url, timeout=20, trust_env=False))

        yield {name: start(*known) for name, known in PROCESSES.items()}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("before", "told"),
        ("told", "before"),
        ("before", "during"),
        ("told", "during"),
        ("during", "told"),
        ("during", "after"),
        ("after", "during"),
    ],
)
def test_who_knows_the_secret_gives_the_same_successor(
    processes: dict[str, httpx.Client], first: str, then: str
) -> None:
    token = Account.new(processes[first]).tokens["refresh_token"]
    successor = refreshed(processes[first], token)
    assert refreshed(processes[then], token) == successor
    newest = refreshed(processes[then], successor)
    assert refreshed(processes[then], token) == newest


def test_who_cannot_know_it_ends_no_session(processes: dict[str, httpx.Client], database: TestDatabase) -> None:
    """The client tries again as Retry-After says, and reaches one that knows, or the same after its restart."""
    account = Account.new(processes["during"])
    token = account.tokens["refresh_token"]
    successor = refreshed(processes["during"], token)
    response = refresh(processes["before"], token)
    detail = "The token was used just now, in a process with another secret. Try again shortly."
    assert_problem(response, 503, "keys_unavailable", detail=detail)
    assert int(response.headers["retry-after"]) > 0
    assert refreshed(processes["during"], token) == successor
    pass_time(database, account, seconds=31)
    assert_problem(refresh(processes["before"], token), 401, "invalid_refresh_token")
    assert sessions(database, account) == 0


def test_what_is_tried_is_bounded(processes: dict[str, httpx.Client], database: TestDatabase) -> None:
    """Each step may have been made with either secret: seven steps back are found, eight are not."""
    account = Account.new(processes["during"])
    family = [account.tokens["refresh_token"]]
    for name in ("during", "told") * 4:
        family.append(refreshed(processes[name], family[-1]))
    assert refreshed(processes["during"], family[1]) == family[-1]
    assert_problem(refresh(processes["during"], family[0]), 401, "invalid_refresh_token")
    assert sessions(database, account) == 0
