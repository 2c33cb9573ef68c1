"""A guest becomes an account: the recipe of docs/better-auth.md with the real plugin, cut at each of its requests."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.better_auth.relay import Relay, Side
from tests.better_auth.servers import BetterAuth, Visitor
from tests.conftest import RunningServer
from tests.rejections import profile

TITLES = ["Water the plants", "Feed the cat", "Call the plumber"]
# One list, a PUT for each task, and the end of the guest.
REQUESTS = ["GET", *["PUT"] * len(TITLES), "DELETE"]


@dataclass(frozen=True)
class Deployment:
    """Better Auth with the anonymous plugin, our API, and the way from the one to the other."""

    url: str
    api: RunningServer
    relay: Relay


@pytest.fixture(scope="module")
def deployment(deploy: Callable[..., BetterAuth], api_for: Callable[..., RunningServer]) -> Iterator[Deployment]:
    """All three."""
    relay = Relay()
    url = deploy({"api": relay.url}).urls[0]
    api = api_for(url)
    relay.to = api.url
    yield Deployment(url, api, relay)
    relay.close()


@pytest.fixture
def guest(deployment: Deployment) -> Iterator[Visitor]:
    """Somebody who looks around first."""
    deployment.relay.mend()
    with Visitor(deployment.url) as visitor:
        assert visitor.post("/api/auth/sign-in/anonymous", json={}).status_code == 200
        yield visitor


def client_of(api: RunningServer, token: str) -> httpx.Client:
    """A client below the path of whom the token is for."""
    return httpx.Client(base_url=f"{api.url}/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})


def listed(api: RunningServer, token: str) -> list[dict[str, Any]]:
    """The tasks, the oldest first, without what every write changes."""
    with client_of(api, token) as client:
        items = client.get("/tasks", params={"sort": "created_at"}).json()["items"]
    return [{name: task[name] for name in ("id", "title", "status", "description", "due_at")} for task in items]


def written(api: RunningServer, token: str) -> list[dict[str, Any]]:
    """What a guest has after a while."""
    with client_of(api, token) as client:
        for title in TITLES:
            fields = {"title": title, "status": "completed", "due_at": "2030-01-01T00:00:00Z"}
            assert client.post("/tasks", json=fields).status_code == 201
    return listed(api, token)


def cut_before_its_end(deployment: Deployment, guest: Visitor) -> list[dict[str, Any]]:
    """Gives what the guest had written: all of it is moved, and the guest is still one."""
    before = written(deployment.api, guest.token())
    deployment.relay.breaks(len(REQUESTS), "before")
    assert guest.sign_up().status_code == 500
    deployment.relay.mend()
    return before


def test_the_tasks_of_a_guest_go_with_them(deployment: Deployment, guest: Visitor) -> None:
    api, old = deployment.api, guest.token()
    before = written(api, old)
    assert guest.sign_up().status_code == 200
    assert deployment.relay.seen == REQUESTS
    assert listed(api, guest.token()) == before
    gone = profile(api, old)
    assert (gone.status_code, gone.json()["code"]) == (401, "account_deleted")


def test_they_join_those_that_the_account_has(deployment: Deployment, guest: Visitor) -> None:
    """Who has an account already, and was a guest on another device."""
    api, account = deployment.api, Visitor(deployment.url)
    with account:
        assert account.sign_up().status_code == 200
        theirs = written(api, account.token())
    before = written(api, guest.token())
    assert guest.sign_in(account.email).status_code == 200
    assert listed(api, guest.token()) == [*theirs, *before]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("at", range(1, len(REQUESTS) + 1))
def test_it_is_finished_after_a_cut(deployment: Deployment, guest: Visitor, at: int, side: Side) -> None:
    """The sign-up fails, and the guest is still one; signing in to the account that it made does the rest."""
    api, relay, old = deployment.api, deployment.relay, guest.token()
    before = written(api, old)
    relay.breaks(at, side)
    assert guest.sign_up().status_code == 500
    assert relay.seen == REQUESTS[:at]
    relay.mend()
    assert guest.token() is not None
    assert guest.sign_in(guest.email).status_code == 200
    assert listed(api, guest.token()) == before
    assert profile(api, old).json()["code"] == "account_deleted"


def test_what_was_deleted_meanwhile_does_not_come_back(deployment: Deployment, guest: Visitor) -> None:
    """Half of it used on another device, and done again."""
    api = deployment.api
    first, *others = cut_before_its_end(deployment, guest)
    with Visitor(deployment.url) as elsewhere:
        assert elsewhere.sign_in(guest.email).status_code == 200
        with client_of(api, elsewhere.token()) as client:
            assert client.delete(f"/tasks/{first['id']}").status_code == 204
    assert guest.sign_in(guest.email).status_code == 200
    assert listed(api, guest.token()) == others


def test_what_the_guest_has_changed_meanwhile_is_what_they_keep(deployment: Deployment, guest: Visitor) -> None:
    """The guest is still one, and goes on."""
    api = deployment.api
    first, *others = cut_before_its_end(deployment, guest)
    with client_of(api, guest.token()) as client:
        assert client.patch(f"/tasks/{first['id']}", json={"title": "Water them again"}).status_code == 200
    assert guest.sign_in(guest.email).status_code == 200
    assert listed(api, guest.token()) == [{**first, "title": "Water them again"}, *others]


def test_a_guest_of_an_account_that_was_deleted_here_keeps_their_tasks(deployment: Deployment, guest: Visitor) -> None:
    """Better Auth still knows it. Its token is rejected as the guest's is once the move is over."""
    api = deployment.api
    with Visitor(deployment.url) as account:
        assert account.sign_up().status_code == 200
        with client_of(api, account.token()) as client:
            assert client.delete(f"{api.url}/api/v1/users/me").status_code == 204
    before = written(api, guest.token())
    assert guest.sign_in(account.email).status_code == 500
    assert listed(api, guest.token()) == before


def test_a_guest_without_tasks(deployment: Deployment, guest: Visitor) -> None:
    old = guest.token()
    assert guest.sign_up().status_code == 200
    assert listed(deployment.api, guest.token()) == []
    assert profile(deployment.api, old).json()["code"] == "account_deleted"


def test_more_tasks_than_a_page_has(deployment: Deployment, guest: Visitor) -> None:
    with client_of(deployment.api, guest.token()) as client:
        for number in range(101):
            assert client.post("/tasks", json={"title": f"{number}"}).status_code == 201
    assert guest.sign_up().status_code == 200
    assert deployment.relay.seen == ["GET", *["PUT"] * 100, "GET", "PUT", "DELETE"]
    with client_of(deployment.api, guest.token()) as client:
        assert client.get("/tasks", params={"limit": 1, "include_total": True}).json()["total"] == 101


def test_a_guest_who_keeps_their_id_keeps_their_tasks(workplace: Path, deployment: Deployment, guest: Visitor) -> None:
    """The plugin calls onLinkAccount there too."""
    before = written(deployment.api, guest.token())
    same = json.dumps({"id": "same", "token": guest.token()})
    code = f"import {{ moveTasks }} from './guests.mjs'; await moveTasks('{deployment.api.url}', {same}, {same});"
    command = ["node", "--input-type=module", "-e", code]
    subprocess.run(command, cwd=workplace, check=True, capture_output=True)
    assert listed(deployment.api, guest.token()) == before
