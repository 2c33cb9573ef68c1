"""The examples of the document are what the API takes and sends: each is sent to it, or compared with what it sends."""

import ast
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from core.http.declarations import schema_of
from core.http.problem_examples import example_of
from core.problems import Problem
from tests.conftest import UserClient, project_root
from tests.contract.operations import document

AUTH = "/api/v1/auth"
# What is another one each time.
PASSING = {"id", "created_at", "updated_at", "completed_at", "etag", "next_cursor", "request_id", "instance", "ids"}


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project_root() / "docs/openapi.json").read_text())["components"]["schemas"]
    return found


def _example(name: str) -> Any:
    (example,) = _schemas()[name]["examples"]
    return example


def _fixed(value: Any) -> Any:
    """What is the same each time; of the rest, whether there is something."""
    if isinstance(value, dict):
        return {name: one is not None if name in PASSING else _fixed(one) for name, one in value.items()}
    return [_fixed(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def ada(make_user: Callable[..., UserClient]) -> UserClient:
    return make_user(email="you@example.com", name="Ada")


def _sent(ada: UserClient) -> Iterator[tuple[str, httpx.Response]]:
    """Each example that has a request or a response, in an order in which they succeed."""
    created = ada.post(ada.tasks, json=_example("TaskCreate"))
    task = created.headers["location"]
    yield "TaskRead", created
    yield "TaskRead", ada.get(task)
    yield "TaskPage", ada.get(ada.tasks)
    yield "TaskCounts", ada.get(f"{ada.tasks}/counts")
    yield "TaskChanges", ada.get(f"{ada.tasks}/changes")
    yield "TaskRead", ada.put(task, json=_example("TaskReplace"))
    yield "TaskUpdates", ada.patch(ada.tasks, json=_example("TaskUpdates"))
    yield "Written", ada.patch(ada.tasks, params={"status": "pending"}, json=_example("TaskUpdate"))
    yield "TaskUpdate", ada.patch(task, json=_example("TaskUpdate"))
    me = f"/api/v1/users/{ada.user_id}"
    yield "UserRead", ada.get(me)
    yield "UserUpdate", ada.patch(me, json=_example("UserUpdate"))
    yield "Health", ada.get("/health/live")
    yield "SignUp", ada.post(f"{AUTH}/sign-up", json=_example("SignUp"))
    signed_in = ada.post(f"{AUTH}/sign-in", json=_example("SignIn"))
    yield "SignIn", signed_in
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    yield "PasswordChange", ada.post(f"{AUTH}/change-password", json=_example("PasswordChange"), headers=headers)
    ada.delete("/api/v1/users/me", headers=headers)


RESPONSES = {"TaskRead", "TaskPage", "TaskCounts", "TaskChanges", "Written", "UserRead", "Health"}


def test_what_the_document_shows_is_taken_and_sent(ada: UserClient) -> None:
    replayed = {"TaskCreate", "TaskReplace"}
    for name, response in _sent(ada):
        assert response.status_code < 300, (name, response.text)
        if name in RESPONSES:
            assert _fixed(response.json()) == _fixed(_example(name)), name
        replayed.add(name)
    shown = {name for name, one in _schemas().items() if "examples" in one and not name.endswith("Problem")}
    assert shown == replayed


def test_whose_rows_they_are_is_filled_in() -> None:
    for item in document()["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "user_id":
                    assert parameter["example"] == "me"


def _met(ada: UserClient) -> Iterator[httpx.Response]:
    """Problems that one can run into at will."""
    tasks, json_type = ada.tasks, {"Content-Type": "application/json"}
    yield ada.post(tasks, json={"title": ""})
    yield ada.post(tasks, content="{", headers=json_type)
    yield ada.post(tasks, content="title=a")
    yield ada.post(tasks, content=b" " * (1024 * 1024 + 1), headers=json_type)
    yield ada.get(tasks, headers={"Authorization": ""})
    yield ada.get(tasks, headers={"Authorization": "Bearer none"})
    yield ada.get("/api/v1/users/somebody/tasks")
    yield ada.get(f"{tasks}/01a221af-ea66-724f-b462-68f20ad6c67d")
    yield ada.put(tasks, json={})
    yield ada.get(f"{tasks}/changes", params={"cursor": "AAAA"})
    yield ada.post(f"{AUTH}/sign-in", json={"email": "nobody@example.com", "password": "a long pass phrase"})
    yield ada.post(f"{AUTH}/refresh", json={"refresh_token": "none"})
    made = ada.post(tasks, json={"title": "a"}, headers={"Idempotency-Key": "once"})
    yield ada.post(tasks, json={"title": "b"}, headers={"Idempotency-Key": "once"})
    task, tag = made.headers["location"], made.headers["etag"]
    yield ada.patch(task, json={"title": "c"}, headers={"If-Match": '"9"'})
    yield ada.patch(task, json={"title": "c"}, headers={"If-Match": f"W/{tag}"[:-1] + '-br"'})
    ada.delete(task)
    yield ada.put(task, json={"title": "d"}, headers={"If-None-Match": "*"})
    account = {"email": "twice@example.com", "password": "a long pass phrase"}
    ada.post(f"{AUTH}/sign-up", json=account)
    yield ada.post(f"{AUTH}/sign-up", json=account)
    ada.delete("/api/v1/users/me")
    yield ada.get(tasks)


def _texts() -> set[str]:
    """Every text that stands in the product."""
    found = set()
    for folder in ("core", "modules"):
        for file in (project_root() / folder).rglob("*.py"):
            if file.name != "problem_examples.py":
                nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                found |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return found


def test_the_problems_that_the_document_shows_are_what_the_api_says(ada: UserClient) -> None:
    shown = {problem.code: example_of(problem) for problem in Problem}
    met = {}
    for response in _met(ada):
        problem = response.json()
        met[problem["code"]] = problem
        assert _fixed(problem) == _fixed(shown[problem["code"]])
    assert len(met) == 18
    # Those of outages, bugs and settings: their words are the product's, what goes with them is made by its function.
    texts = _texts()
    of_numbers = {"too_many_rows", "body_timeout"}
    others = shown.keys() - met.keys() - of_numbers
    assert [code for code in others if shown[code]["detail"] not in texts] == []
    named = {schema_of(problem): [shown[problem.code]] for problem in Problem}
    schemas = _schemas()
    assert {name: one["examples"] for name, one in schemas.items() if name in named} == {
        name: one for name, one in named.items() if name in schemas
    }
