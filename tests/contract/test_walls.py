"""A walk over every published operation: who may call it, and that a rejected call changes nothing."""

import ast
import secrets
import time
from collections.abc import Callable

import httpx
import pytest
from sqlmodel import SQLModel

from core.database.ownership import OWNER_COLUMN
from tests.conftest import TestDatabase, UserClient, assert_problem, make_token, project_root
from tests.contract.deleted_accounts import alive
from tests.contract.making import made
from tests.contract.operations import METHODS, Operation, document, operations, with_more

# All that anybody may call without a token. Whatever is not here is private.
PUBLIC = {"getLiveness", "getReadiness", "signUp", "signIn", "refreshTokens", "signOut"}

# Private operations on the user that the path does not name.
WITHOUT_USER_IN_PATH = {"changePassword"}

# Private operations that send no SQL, as a converter: a deleted account's token is good for them until it expires.
WITHOUT_SQL: set[str] = set()

ALL = operations(document())
PRIVATE = [operation for operation in ALL if operation.id not in PUBLIC]
OWNED = [operation for operation in PRIVATE if operation.owned]


def test_the_walk_reaches_every_endpoint() -> None:
    endpoints = sum(_endpoints(path.read_text()) for path in project_root().glob("modules/*/router.py"))
    endpoints += _endpoints((project_root() / "core" / "health.py").read_text())
    assert len(ALL) == endpoints >= 16


def test_public_is_what_is_listed_here_and_the_rest_is_private() -> None:
    for found, listed, name in (
        ({operation.id for operation in ALL if not operation.private}, PUBLIC, "PUBLIC"),
        ({operation.id for operation in PRIVATE if not operation.owned}, WITHOUT_USER_IN_PATH, "WITHOUT_USER_IN_PATH"),
    ):
        more = [f"{one}: where that is meant, add it to {name} of this file" for one in sorted(found - listed)]
        assert more + [f"{one} is not so: take it out of {name}" for one in sorted(listed - found)] == []
    assert {operation.id for operation in PRIVATE} >= WITHOUT_SQL, "WITHOUT_SQL names what is no private operation"


@pytest.mark.parametrize("operation", [one for one in ALL if one.id in PUBLIC], ids=lambda one: one.id)
def test_a_public_operation_asks_for_no_token(api: httpx.Client, operation: Operation) -> None:
    response = api.request(**operation.request("me"))
    assert response.status_code < 500
    assert "missing_token" not in response.text


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda one: one.id)
def test_an_owner_is_let_in(make_user: Callable[..., UserClient], operation: Operation) -> None:
    owner = make_user()
    response = owner.request(**operation.request(owner.user_id, **_made(owner, operation)))
    good = int(min(operation.spec["responses"]))
    if operation.id == "changePassword":  # a user of Better Auth has no password here to give
        assert_problem(response, 401, "invalid_credentials")
    else:
        assert response.status_code == good, response.text


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda one: one.id)
def test_without_a_good_token_nothing_is_done(
    api: httpx.Client, alice: UserClient, database: TestDatabase, operation: Operation
) -> None:
    _fill(alice)
    request = operation.request(alice.user_id, **_made(alice, operation))
    before = _rows(database, alice.user_id)
    database.proxy.clear()
    assert _challenge(api.request(**request), "missing_token") == "Bearer"
    for token in (
        make_token(alice.user_id, exp=int(time.time()) - 60),
        make_token(alice.user_id, exp=None),
        make_token(alice.user_id, secret=secrets.token_hex(32)),
        "not.a.token",
        secrets.token_urlsafe(24),
    ):
        response = api.request(**with_more(request, headers={"Authorization": f"Bearer {token}"}))
        challenge = 'Bearer error="invalid_token", error_description="The token is not valid"'
        assert _challenge(response, "invalid_token") == challenge
    assert database.proxy.queries == []
    assert _rows(database, alice.user_id) == before


@pytest.mark.parametrize("operation", OWNED, ids=lambda one: one.id)
def test_somebody_elses_id_is_rejected_and_changes_nothing(
    alice: UserClient, bob: UserClient, database: TestDatabase, operation: Operation
) -> None:
    _fill(alice)
    _fill(bob)
    bobs = _made(bob, operation)
    before = _rows(database, bob.user_id), _rows(database, alice.user_id)
    database.proxy.clear()
    for request in (
        operation.request(bob.user_id, **bobs),
        operation.request(bob.user_id),
        operation.request("nobody-at-all"),
        {**operation.request(bob.user_id.upper()), "json": {"unknown": 1}},
        {**operation.request(bob.user_id, **dict.fromkeys(operation.ids, "not-an-id")), "params": {"unknown": "1"}},
        with_more(operation.request(bob.user_id, **bobs), headers={"Idempotency-Key": "k", "If-Match": "*"}),
    ):
        detail = "The user in the path is not the user of the token."
        assert_problem(alice.request(**request), 403, "forbidden", detail=detail)
    assert database.proxy.queries == []
    assert (_rows(database, bob.user_id), _rows(database, alice.user_id)) == before


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda one: one.id)
def test_the_token_of_a_deleted_account_is_dead(
    alice: UserClient, database: TestDatabase, operation: Operation
) -> None:
    _fill(alice)
    there = _made(alice, operation)
    assert alice.delete("/api/v1/users/me").status_code == 204
    before = _rows(database, alice.user_id)
    assert list(alive(alice, database, operation, there, sends_sql=operation.id not in WITHOUT_SQL)) == []
    assert _rows(database, alice.user_id) == before


def _made(owner: UserClient, operation: Operation) -> dict[str, str]:
    return made(owner, OWNED, operation)


def _fill(owner: UserClient) -> None:
    """A row of every slice that has any."""
    for create in (one for one in OWNED if one.method == "post"):
        owner.request(**create.request(owner.user_id, **_made(owner, create)))


def _challenge(response: httpx.Response, code: str) -> str:
    assert_problem(response, 401, code)
    return response.headers["www-authenticate"]


def _rows(database: TestDatabase, user_id: str) -> dict[str, list[str]]:
    """Everything that is stored about a user, table by table."""
    columns = {
        table.name: column.name
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if OWNER_COLUMN in column.info or any(key.target_fullname == "users.id" for key in column.foreign_keys)
    }
    assert {"users", "deleted_users", "tasks", "local_accounts", "local_sessions"} <= set(columns)
    return {
        table: [text for (text,) in database.query(f"SELECT t::text FROM {table} t WHERE {column} = %s", user_id)]
        for table, column in columns.items()
    }


def _endpoints(source: str) -> int:
    """How many functions are decorated as an operation, counted without FastAPI."""
    return sum(
        isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.func.attr in METHODS
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        for decorator in node.decorator_list
    )
