"""Where Better Auth alone signs people up, the endpoints of local accounts are not there at all."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.conftest import RunningServer, UserClient, assert_problem
from tests.modules.auth.accounts import AUTH, PASSWORD

OPERATIONS = ["sign-up", "sign-in", "refresh", "sign-out", "change-password"]


@pytest.fixture(scope="module")
def without(start_server: Callable[..., RunningServer]) -> Iterator[UserClient]:
    """A user of a server with AUTH_LOCAL_ACCOUNTS=false."""
    with UserClient(start_server(auth_local_accounts=False).url) as user:
        yield user


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_of_local_accounts_is_not_found(without: UserClient, operation: str) -> None:
    """With a token and without; whatever the method."""
    body = {"email": "ann@example.com", "password": PASSWORD}
    for response in (
        without.post(f"{AUTH}/{operation}", json=body),
        httpx.post(without.base_url.join(f"{AUTH}/{operation}"), json=body),
        without.get(f"{AUTH}/{operation}"),
    ):
        assert_problem(response, 404, "not_found", title="Not found", detail="There is no such path.")


def test_the_document_does_not_name_them(without: UserClient, api: httpx.Client) -> None:
    published = without.get("/openapi.json").json()["paths"]
    all_paths = api.get("/openapi.json").json()["paths"]
    local = {f"{AUTH}/{operation}" for operation in OPERATIONS}
    assert local <= set(all_paths)
    assert set(published) == set(all_paths) - local


def test_users_of_better_auth_work_as_ever(without: UserClient) -> None:
    task = without.create_task()
    assert without.get(without.tasks).json() == {"items": [task], "next_cursor": None}
