"""Nobody overwrites what they have not seen: entity tags, If-Match, If-None-Match (RFC 9110, section 13)."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from modules.users.schemas import UserRead
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem
from tests.contract.operations import document, operations
from tests.waiting import poll

ME = "/api/v1/users/me"
NO_TAGS = "Must be entity tags with their quotes, as ETag has them, or *"
STALE = "The resource has changed since you read it. Read it again."
ALTERED_DETAIL = (
    "If-Match has a tag as this API gives none: something on the way, such as a proxy that compresses, weakened it "
    "(W/) or added to it. Switch that off for this API, or send the tag without W/ and without the addition."
)
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("PUT", {"json": {"title": "New"}}),
    ("PATCH", {"json": {"title": "New"}}),
    ("PATCH", {"json": {}}),
    ("DELETE", {}),
]
each_write = pytest.mark.parametrize(("method", "sent"), WRITES, ids=["put", "patch", "patch-nothing", "delete"])
# The last one is of a version without an owner.
COMPRESSED = ['"{version}-gzip"', '"x", "{version}-gzip"', '"2-gzip"']
NOTHING_LIKE_IT = [
    *('"-gzip"', '"x-gzip"', '"3-gzip"'),
    *('"0{version}"', '"-{version}"', '"+{version}"', '""', '"x"'),
    *('"W/{version}"', '"*"', '"99999999999999999999"', '"999999999999999999"', '"0"', '"\xb2"', '"a,{version}"'),
]
# As a proxy that compresses makes of it: nginx, HAProxy and CDNs; Caddy and others, but not Apache.
ALTERED = [
    *('W/"{version}"', 'W/"1"', '"5d8c72a5edda8d6a:3239", W/"{version}"', 'W/"x"', 'W/"{version}", W/"{version}"'),
    *('"{version}-zstd"', '"{version}-GZIP"', '"x","{version}--br"', 'W/"{version}-gzip"', '"{version}-gzip-br"'),
    *('"{version}0"', '"{version}.0"', '"{version}gzip"'),
]
MALFORMED = ["", ",", "{version}", '"{version}', "'{version}'", 'w/"{version}"', 'W"{version}"', 'W/ "{version}"']
MALFORMED += ['"{version}" "{version}"', '*, "{version}"', '"{version}", *', "*, *", '"{version} "', '"{version}";a']


def task_of(user: UserClient) -> tuple[str, str]:
    """The path of a new task that was changed once, and its tag."""
    created = user.post(user.tasks, json={"title": "Water the plants"})
    changed = user.patch(created.headers["location"], json={"title": "Water all plants"})
    return created.headers["location"], changed.headers["etag"]


def filled(template: str, tag: str) -> bytes:
    """A header's value with what is between the quotes of `tag` in it."""
    return template.replace("{version}", tag.strip('"')).encode("latin-1")


def assert_stale(response: httpx.Response, tag: str, detail: str = STALE) -> None:
    """412, and what there is now."""
    assert_problem(response, 412, "precondition_failed", title="Precondition failed", detail=detail)
    assert response.headers["etag"] == tag


def assert_altered(response: httpx.Response, tag: str) -> None:
    """412 too, but reading it again would not help."""
    title = "The entity tag was altered on its way"
    assert_problem(response, 412, "entity_tag_altered", title=title, detail=ALTERED_DETAIL)
    assert response.headers["etag"] == tag


def assert_malformed(response: httpx.Response, header: str, message: str = NO_TAGS) -> None:
    """400, and which header."""
    params = {"expected": "entity-tag"}
    error = {"pointer": f"/header/{header}", "message": message, "code": "malformed", "params": params}
    assert_problem(response, 400, "validation_failed", detail="A precondition is malformed.", errors=[error])


def test_every_single_resource_has_a_strong_tag_that_changes_with_every_write(alice: UserClient) -> None:
    created = alice.post(alice.tasks, json={"title": "Water the plants"})
    path, seen = created.headers["location"], [created.headers["etag"]]
    for method, body in (("PUT", {"title": "A"}), ("PUT", {"title": "A"}), ("PATCH", {"title": "B"})):
        assert alice.get(path).headers["etag"] == seen[-1]
        seen.append(alice.request(method, path, json=body).headers["etag"])
    assert alice.patch(path, json={}).headers["etag"] == seen[-1]
    profile = [alice.get(ME), alice.patch(ME, json={"name": "A"}), alice.patch(ME, json={"name": "A"})]
    assert alice.get(ME).headers["etag"] == alice.patch(ME, json={}).headers["etag"] == profile[-1].headers["etag"]
    for tags in (seen, [response.headers["etag"] for response in profile]):
        assert len(set(tags)) == len(tags)
        assert all(re.fullmatch(r'"[!#-~]+"', tag) for tag in tags)


@each_write
@pytest.mark.parametrize("form", ["{tag}", "*", ' "x" ,W/"y","0",{tag}', ',, {tag},"x",', "{tag}, {tag}"])
def test_a_write_on_what_was_seen_succeeds(alice: UserClient, method: str, sent: dict[str, Any], form: str) -> None:
    path, tag = task_of(alice)
    response = alice.request(method, path, headers={"If-Match": form.format(tag=tag).strip()}, **sent)
    assert response.status_code == (204 if method == "DELETE" else 200)
    if method == "DELETE":
        assert alice.get(path).status_code == 404
    else:
        assert response.json()["title"] == ("New" if sent["json"] else "Water all plants")
        assert alice.get(path).headers["etag"] == response.headers["etag"]


@each_write
def test_a_tag_that_was_altered_on_its_way_writes_nothing_and_is_named(
    alice: UserClient, method: str, sent: dict[str, Any]
) -> None:
    path, tag = task_of(alice)
    before = alice.get(path).json()
    for form in ALTERED:
        assert_altered(alice.request(method, path, headers={b"If-Match": filled(form, tag)}, **sent), tag)
    lines = [("If-Match", '"x"'), ("If-Match", f"W/{tag}")]
    assert_altered(alice.request(method, path, headers=lines, **sent), tag)
    assert alice.get(path).json() == before
    assert_problem(alice.request(method, f"{alice.tasks}/{uuid4()}", headers=lines, **sent), 404, "not_found")
    assert alice.request(method, path, headers={"If-Match": f"W/{tag}, {tag}"}, **sent).is_success


@each_write
@pytest.mark.parametrize("form", COMPRESSED)
def test_the_tag_of_what_was_compressed_is_taken(
    alice: UserClient, method: str, sent: dict[str, Any], form: str
) -> None:
    """By us, or by Apache on the way. It is explained no more than any other tag once it is old."""
    path, tag = task_of(alice)
    assert alice.request(method, path, headers={b"If-Match": filled(form, tag)}, **sent).is_success
    path, old = task_of(alice)
    tag = alice.patch(path, json={"status": "completed"}).headers["etag"]
    assert_stale(alice.request(method, path, headers={b"If-Match": filled(form, old)}, **sent), tag)


def test_a_list_of_tags_may_stand_in_several_lines(alice: UserClient) -> None:
    path, tag = task_of(alice)
    headers = [("If-Match", '"x"'), ("If-Match", tag), ("If-Match", "")]
    assert alice.patch(path, json={"title": "New"}, headers=headers).status_code == 200


@each_write
def test_a_write_on_what_has_changed_is_rejected_and_changes_nothing(
    alice: UserClient, method: str, sent: dict[str, Any]
) -> None:
    path, first = task_of(alice)
    now = alice.patch(path, json={"status": "completed"})
    for stale in (first, '"1"', f'"1", {first}', '"3000"'):
        assert_stale(alice.request(method, path, headers={"If-Match": stale}, **sent), now.headers["etag"])
    found = alice.get(path)
    assert (found.json(), found.headers["etag"]) == (now.json(), now.headers["etag"])


@each_write
def test_a_tag_that_only_looks_like_it_never_matches(alice: UserClient, method: str, sent: dict[str, Any]) -> None:
    path, tag = task_of(alice)
    before = alice.get(path).json()
    for form in NOTHING_LIKE_IT:
        assert_stale(alice.request(method, path, headers={b"If-Match": filled(form, tag)}, **sent), tag)
    assert alice.get(path).json() == before


@each_write
def test_a_malformed_precondition_is_rejected(alice: UserClient, method: str, sent: dict[str, Any]) -> None:
    """An empty one, too: a client that lost the tag meant to be held back."""
    path, tag = task_of(alice)
    before = alice.get(path).json()
    for form in MALFORMED:
        assert_malformed(alice.request(method, path, headers={b"If-Match": filled(form, tag)}, **sent), "if-match")
        assert_malformed(alice.get(path, headers={b"If-None-Match": filled(form, tag)}), "if-none-match")
    assert alice.get(path).json() == before


@each_write
def test_a_write_that_must_find_nothing_changes_nothing(alice: UserClient, method: str, sent: dict[str, Any]) -> None:
    """`If-None-Match: *` says "only if it is not there": to ignore it would overwrite what is there."""
    path, tag = task_of(alice)
    before = alice.get(path).json()
    message = "Must be * alone, with a PUT that makes a new resource; If-Match says which version to change"
    every = {"If-None-Match": "*"}
    for headers in (every, {"If-None-Match": tag}, {"If-None-Match": '"2"'}, {**every, "If-Match": tag}):
        response = alice.request(method, path, headers=headers, **sent)
        if (method, headers) == ("PUT", every):
            assert_stale(response, tag, "There is one under this id already. Read it, or choose another id.")
        else:
            assert_malformed(response, "if-none-match", message)
    assert alice.get(path).json() == before


def test_what_makes_something_new_can_match_nothing(alice: UserClient) -> None:
    _, tag = task_of(alice)
    response = alice.post(alice.tasks, json={"title": "new"}, headers={"If-Match": tag})
    assert_malformed(response, "if-match", "Must not come with what makes something new")
    assert alice.post(alice.tasks, json={"title": "new"}, headers={"If-Match": "*"}).status_code == 201


@each_write
def test_what_is_missing_or_somebody_elses_is_not_found(
    alice: UserClient, bob: UserClient, method: str, sent: dict[str, Any]
) -> None:
    path, tag = task_of(bob)
    before = bob.get(path).json()
    for task_id in (str(uuid4()), before["id"]):
        for form in (tag, "*", '"5"'):
            response = alice.request(method, f"{alice.tasks}/{task_id}", headers={"If-Match": form}, **sent)
            assert_problem(response, 404, "not_found", detail="No such task.")
            assert "etag" not in response.headers
    assert bob.get(path).json() == before


def test_of_writes_at_once_on_the_same_version_one_wins(alice: UserClient) -> None:
    path, tag = task_of(alice)
    for _ in range(10):
        writes = [partial(alice.put, path, json={"title": f"Writer {number}"}) for number in range(4)]
        with ThreadPoolExecutor(4) as threads:
            responses = list(threads.map(lambda write, tag=tag: write(headers={"If-Match": tag}), writes))
        (won,) = [response for response in responses if response.status_code == 200]
        tag = won.headers["etag"]
        for lost in responses:
            if lost is not won:
                assert_stale(lost, tag)
        found = alice.get(path)
        assert (found.json(), found.headers["etag"]) == (won.json(), tag)


def test_ones_own_profile_is_held_to_it_as_well(alice: UserClient) -> None:
    first = alice.get(ME)
    now = alice.patch(ME, json={"name": "New"}, headers={"If-Match": first.headers["etag"]})
    task = alice.create_task()
    tag = now.headers["etag"]
    for stale, rejected in ((first.headers["etag"], assert_stale), (f"W/{tag}", assert_altered)):
        for method, sent in (("PATCH", {"json": {"name": "Newer"}}), ("PATCH", {"json": {}}), ("DELETE", {})):
            rejected(alice.request(method, ME, headers={"If-Match": stale}, **sent), tag)
    assert alice.get(ME).json() == now.json() == {**first.json(), "name": "New", "updated_at": now.json()["updated_at"]}
    assert alice.get(alice.tasks).json()["items"] == [task]
    assert alice.delete(ME, headers={"If-Match": now.headers["etag"]}).status_code == 204
    assert_problem(alice.patch(ME, json={"name": "Newer"}, headers={"If-Match": "*"}), 401, "account_deleted")
    assert_problem(alice.delete(ME, headers={"If-Match": "*"}), 401, "account_deleted")


def test_a_profile_that_is_made_by_the_request_has_its_first_version(make_user: Callable[..., UserClient]) -> None:
    for tag in ('"1"', "*"):
        new = make_user()
        changed = new.patch(ME, json={"name": "New"}, headers={"If-Match": tag})
        assert (changed.status_code, changed.headers["etag"]) == (200, new.etag(2, UserRead))
        assert make_user().delete(ME, headers={"If-Match": tag}).status_code == 204
    writes: list[tuple[str, dict[str, Any]]] = [("PATCH", {"json": {"name": "New"}}), ("DELETE", {})]
    for method, sent in writes:
        new = make_user()
        assert_stale(new.request(method, ME, headers={"If-Match": '"2"'}, **sent), new.etag(1, UserRead))


def test_an_account_that_changes_while_it_is_deleted_stays(alice: UserClient, database: TestDatabase) -> None:
    """The version is compared by the statement that deletes, not only before."""
    tag = alice.get(ME).headers["etag"]
    connection = database.connect()
    try:
        lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        connection.cursor().execute(lock, (alice.user_id,))  # as whoever makes or deletes the account does
        with ThreadPoolExecutor(1) as threads:
            deletion = threads.submit(alice.delete, ME, headers={"If-Match": tag})
            poll(lambda: database.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
            changed = alice.patch(ME, json={"name": "Unseen"})
            connection.rollback()
            assert_stale(deletion.result(), changed.headers["etag"])
    finally:
        connection.close()
    assert alice.get(ME).json() == changed.json()


@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", "*", '"x", W/"y",{tag}', ',W/{tag},"z"', "{gzip}", "W/{gzip}"])
def test_what_the_client_has_is_not_sent_again(alice: UserClient, form: str) -> None:
    for path in (task_of(alice)[0], ME):
        whole = alice.get(path)
        tag = whole.headers["etag"]
        gzip = f'{tag[:-1]}-gzip"'
        headers = {"If-None-Match": form.format(tag=tag, gzip=gzip), "Accept-Encoding": "identity"}
        response = alice.get(path, headers=headers)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == (gzip if "gzip" in form else tag)
        assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
        assert response.headers["cache-control"] == whole.headers["cache-control"]
        assert "content-type" not in response.headers


def test_what_the_client_does_not_have_is_sent(alice: UserClient) -> None:
    path, tag = task_of(alice)
    whole = alice.get(path)
    for form in [form for form in NOTHING_LIKE_IT if "W/" not in form] + ['"1"', 'W/"1"', '"2"', 'W/"2"']:
        response = alice.get(path, headers={b"If-None-Match": filled(form, tag)})
        assert (response.status_code, response.json(), response.headers["etag"]) == (200, whole.json(), tag)
    assert_problem(alice.get(f"{alice.tasks}/{uuid4()}", headers={"If-None-Match": "*"}), 404, "not_found")


@each_write
def test_a_precondition_that_holds_costs_nothing(
    alice: UserClient, database: TestDatabase, method: str, sent: dict[str, Any]
) -> None:
    for headers in ({}, {"If-Match": "*"}, {"If-Match": '"2"'}):
        path, tag = task_of(alice)
        assert tag == alice.etag(2)
        database.proxy.clear()
        assert alice.request(method, path, headers=headers, **sent).is_success
        assert len(database.proxy.queries) == 1, database.proxy.queries
    for headers in ({}, {"If-Match": "*"}):
        alice.get(ME)
        database.proxy.clear()
        assert alice.patch(ME, json={"name": "New"}, headers=headers).status_code == 200
        assert len(database.proxy.queries) == 1, database.proxy.queries


def test_the_document_declares_the_headers_and_their_responses() -> None:
    declared = {}
    for one in operations(document()):
        if not re.fullmatch(r".*/users/\{user_id\}(/tasks.*)?", one.path):
            continue  # another slice's
        headers = {item["name"] for item in one.spec.get("parameters", []) if item["in"] == "header"}
        declared[one.id] = (
            headers,
            set(one.spec["responses"]) & {"304", "412", "422"} | {"201"} & set(one.spec["responses"]),
        )
    reads, key = ({"If-None-Match"}, {"304"}), "Idempotency-Key"
    writes = ({"If-Match", key}, {"412", "422"})
    expected = dict.fromkeys(("getTask", "listTasks", "getUser"), reads)
    expected |= dict.fromkeys(("updateTask", "deleteTask", "updateUser"), writes)
    expected["deleteUser"] = ({"If-Match"}, {"412"})
    expected["replaceTask"] = ({"If-Match", "If-None-Match", key}, {"201", "412", "422"})
    expected["updateTasks"], expected["deleteTasks"] = ({key}, {"412", "422"}), ({key}, {"422"})
    expected["createTask"] = ({key}, {"201", "422"})
    assert {name: found for name, found in declared.items() if found != (set(), set())} == expected
    (create,) = [one for one in operations(document()) if one.id == "createTask"]
    assert "409" in create.spec["responses"]


def test_a_page_of_another_origin_may_send_and_read_them(start_server: Callable[..., RunningServer]) -> None:
    origin = {"Origin": "https://app.example.com"}
    with UserClient(start_server(cors_origins=["https://app.example.com"]).url) as user:
        for method, name in (("POST", "Idempotency-Key"), ("PATCH", "If-Match"), ("GET", "If-None-Match")):
            asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": name.lower()}
            assert user.options(user.tasks, headers={**origin, **asked}).status_code == 200
        response = user.post(user.tasks, json={"title": "x"}, headers={**origin, "Idempotency-Key": "key"})
    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Location", "Idempotent-Replayed"} <= set(exposed)
