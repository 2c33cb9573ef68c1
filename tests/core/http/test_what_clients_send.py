"""What common clients send that is nearly right: taken where it means one thing, else rejected with what to write."""

from typing import Any

import httpx
import pytest

from tests.conftest import UserClient, assert_problem


def _error(response: httpx.Response) -> dict[str, Any]:
    (error,) = assert_problem(response, 400, "validation_failed")["errors"]
    found: dict[str, Any] = error
    return found


@pytest.mark.parametrize("name", ["status[]", "status%5B%5D", "status%5b%5d"])
def test_a_list_may_be_sent_with_brackets(alice: UserClient, name: str) -> None:
    pending, done = alice.create_task(title="a"), alice.create_task(title="b", status="completed")
    alice.create_task(title="c", status="in_progress")
    found = alice.get(f"{alice.tasks}?{name}=pending&{name}=completed&sort=created_at").json()["items"]
    assert found == [pending, done]
    assert alice.get(f"{alice.tasks}?{name}=completed").json()["items"] == [done]


def test_brackets_beside_the_plain_name_are_rejected(alice: UserClient) -> None:
    error = _error(alice.get(f"{alice.tasks}?status[]=pending&status=completed"))
    assert (error["pointer"], error["code"]) == ("/query/status[]", "unknown_field")


@pytest.mark.parametrize("query", ["limit[]=1", "nonsense[]=1", "q%5B%5D=a"])
def test_brackets_are_for_lists_alone(alice: UserClient, query: str) -> None:
    error = _error(alice.get(f"{alice.tasks}?{query}"))
    name = query.split("=", maxsplit=1)[0].replace("%5B%5D", "[]")
    assert (error["pointer"], error["code"]) == (f"/query/{name}", "unknown_field")


@pytest.mark.parametrize("text", ["null", "undefined"])
def test_a_word_for_nothing_is_told_to_be_left_out(alice: UserClient, text: str) -> None:
    assert _error(alice.get(f"{alice.tasks}?due_before={text}"))["message"] == (
        "Must be a time; leave it out where there is none"
    )
    assert _error(alice.get(f"{alice.tasks}?cursor={text}"))["message"] == (
        "Must be a next_cursor of a list with the same sort; leave it out for the first page"
    )


def test_a_client_that_lost_its_cursor_does_not_begin_again_for_ever(alice: UserClient) -> None:
    """An empty cursor is none: to take it for no cursor would send the first page after the last, round and round."""
    for query in ("cursor=", "limit=2&cursor=", "cursor=%20"):
        error = _error(alice.get(f"{alice.tasks}?{query}"))
        assert (error["pointer"], error["code"]) == ("/query/cursor", "invalid_cursor")


def test_a_plus_that_was_not_escaped_is_told(alice: UserClient) -> None:
    error = _error(alice.get(f"{alice.tasks}?due_before=2030-01-31T09:00:00+01:00"))
    assert error["message"] == "Must have its + sent as %2B: in a query a + is a space"
    assert alice.get(f"{alice.tasks}?due_before=2030-01-31T09:00:00%2B01:00").status_code == 200


def test_a_put_takes_what_get_gave(alice: UserClient) -> None:
    made = alice.create_task(title="Before", status="completed")
    path = f"{alice.tasks}/{made['id']}"
    replaced = alice.put(path, json={**made, "title": "After", "created_at": "2001-01-01T00:00:00Z"})
    assert replaced.status_code == 200, replaced.text
    changed = {"title": "After", "updated_at": replaced.json()["updated_at"], "etag": alice.etag(2)}
    assert replaced.json() == {**made, **changed}


def test_a_put_of_another_id_changes_nothing(alice: UserClient) -> None:
    made, other = alice.create_task(title="One"), alice.create_task(title="Other")
    path = f"{alice.tasks}/{made['id']}"
    error = _error(alice.put(path, json=other))
    assert error == {"pointer": "/id", "message": "Must be the id in the path", "code": "other_id"}
    assert alice.get(path).json() == made


def test_an_id_is_the_same_in_every_form(alice: UserClient) -> None:
    """Those in which pydantic takes a UUID."""
    made = alice.create_task()
    task_id = made["id"]
    for form in (task_id.upper(), task_id.replace("-", ""), f"{{{task_id}}}", f"urn:uuid:{task_id}"):
        assert alice.put(f"{alice.tasks}/{form}", json=made).status_code == 200
        assert alice.put(f"{alice.tasks}/{task_id}", json={**made, "id": form}).status_code == 200
    error = _error(alice.put(f"{alice.tasks}/{task_id}", json={**made, "id": "mine"}))
    assert error["code"] == "other_id"


def test_a_post_and_a_patch_take_no_read_only_field(alice: UserClient) -> None:
    made = alice.create_task()
    assert _error(alice.post(alice.tasks, json={"title": "a", "id": made["id"]}))["pointer"] == "/id"
    assert _error(alice.patch(f"{alice.tasks}/{made['id']}", json={"created_at": made["created_at"]}))["pointer"] == (
        "/created_at"
    )


@pytest.mark.parametrize("query", ["q=a%00b", "status=%00", "status[]=pending&status[]=%00", "cursor=%00", "sort=%00"])
def test_a_nul_character_is_rejected_in_every_parameter(alice: UserClient, query: str) -> None:
    """No text of PostgreSQL can hold one: a slice need not think of it."""
    name = query.split("=", maxsplit=1)[0]
    problem = assert_problem(alice.get(f"{alice.tasks}?{query}"), 400, "validation_failed")
    assert problem["errors"] == [
        {"pointer": f"/query/{name}", "message": "Must not hold a NUL character", "code": "nul_character"}
    ]
