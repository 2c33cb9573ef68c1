"""The statements of docs/operations.md for somebody who cannot sign in: found, copied, corrected, and gone for good."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx

from tests.conftest import TestDatabase, UserClient, assert_problem, project_root
from tests.core.database.locks import wait_for_waiting
from tests.modules.auth.accounts import ME, Account, bearer, new_email, refresh, sign_in

_TEXT = (project_root() / "docs" / "operations.md").read_text(encoding="utf-8")
_SECTION = _TEXT[_TEXT.index("### For somebody who cannot sign in") :].split("\n## ")[0]
FIND, COPY, CORRECT, ERASE = (
    re.sub(r":'(\w+)'", r"%(\1)s", one) for one in re.findall(r"```sql\n(.*?)```", _SECTION, re.DOTALL)
)


def _run(database: TestDatabase, sql: str, **values: str) -> list[tuple[Any, ...]]:
    """As psql does it, which takes the place of `:'id'`."""
    with closing(database.connect()) as session, session.cursor() as cursor:
        session.autocommit = True
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def _tables_of_a_person(database: TestDatabase) -> set[str]:
    """By the catalogue: who has a foreign key to users."""
    found = database.query(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = 'users'::regclass"
    )
    return {"users"} | {name for (name,) in found}


def _with_rows_everywhere(api: httpx.Client, make_user: Callable[..., UserClient]) -> tuple[Account, UserClient]:
    """An account with at least one row in each table of people that is not a slice's beside tasks."""
    account = Account.new(api, name="Ada Copied")
    user = make_user(account.user_id)
    user.patch(ME, json={"name": "Ada Corrected"}, headers={"Idempotency-Key": "copied-key"})
    kept, gone = (user.create_task(title=title, description="a note") for title in ("kept", "gone"))
    assert user.delete(f"{user.tasks}/{gone['id']}").status_code == 204
    assert user.get(user.tasks).json()["items"] == [kept]
    return account, user


def test_a_copy_has_every_row_of_the_person_and_nothing_else(
    api: httpx.Client, make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    account, user = _with_rows_everywhere(api, make_user)
    other, _ = _with_rows_everywhere(api, make_user)
    ((id_found, *_),) = _run(database, FIND, email=account.email.upper())
    assert id_found == account.user_id
    ((text,),) = _run(database, COPY, id=account.user_id)
    copied = json.loads(text)
    assert copied.keys() == _tables_of_a_person(database) | {"deleted_users"}
    assert {"users", "tasks", "tombstones", "idempotency_keys"} <= {name for name, rows in copied.items() if rows}
    for name in _tables_of_a_person(database):
        column = "id" if name == "users" else "user_id"
        stored = database.query(f"SELECT count(*) FROM {name} WHERE {column} = %s", account.user_id)
        assert [(len(copied[name] or []),)] == stored, name
    ((task,), profile) = user.get(user.tasks).json()["items"], user.get(ME).json()
    assert {name: copied["tasks"][0][name] for name in ("id", "title", "description")} == {
        name: task[name] for name in ("id", "title", "description")
    }
    assert (copied["users"][0]["name"], copied["users"][0]["email"]) == ("Ada Corrected", profile["email"])
    assert other.user_id not in text
    assert not re.search(r"argon2|_hash|\\\\x", text)


def test_another_address_is_the_one_to_sign_in_with(api: httpx.Client, database: TestDatabase) -> None:
    account, new = Account.new(api), new_email()
    tag = api.get(ME, headers=bearer(account.tokens)).headers["etag"]
    _run(database, CORRECT, id=account.user_id, email=new)
    assert_problem(sign_in(api, account.email), 401, "invalid_credentials")
    tokens = sign_in(api, new).json()
    read = api.get(ME, headers={**bearer(tokens), "If-None-Match": tag})
    assert (read.status_code, read.json()["email"]) == (200, new)


def test_an_erased_account_is_gone_as_one_that_was_deleted(
    api: httpx.Client, make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    account, user = _with_rows_everywhere(api, make_user)
    other, theirs = _with_rows_everywhere(api, make_user)
    for _ in range(2):  # a repeat does no harm
        _run(database, ERASE, id=account.user_id)
    ((text,),) = _run(database, COPY, id=account.user_id)
    assert [name for name, rows in json.loads(text).items() if rows] == ["deleted_users"]
    assert _run(database, FIND, email=account.email) == []
    for request in (user.get(ME), user.get(user.tasks), user.post(user.tasks, json={"title": "again"})):
        assert_problem(request, 401, "account_deleted")
    assert_problem(refresh(api, account.tokens["refresh_token"]), 401, "invalid_refresh_token")
    assert_problem(sign_in(api, account.email), 401, "invalid_credentials")
    assert len(theirs.get(theirs.tasks).json()["items"]) == 1
    assert sign_in(api, other.email).status_code == 200


def test_who_comes_while_an_account_is_erased_waits_and_makes_no_row(
    make_user: Callable[..., UserClient], database: TestDatabase
) -> None:
    user = make_user()
    before, _ = ERASE.split("COMMIT")
    with closing(database.connect()) as session, ThreadPoolExecutor(1) as threads:
        session.cursor().execute(before.removeprefix("BEGIN;"), {"id": user.user_id})
        created = threads.submit(user.post, user.tasks, json={"title": "too late"})
        wait_for_waiting(database)
        session.commit()
        assert_problem(created.result(), 401, "account_deleted")
    assert database.query("SELECT FROM users WHERE id = %s", user.user_id) == []
