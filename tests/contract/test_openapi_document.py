"""The OpenAPI document: the committed one is served, it keeps its rules, and names what the issue names."""

import json

import httpx

from tests.conftest import project_root
from tests.contract.document_rules import breaches
from tests.contract.operations import Operation, document, operations
from tests.contract.write_documents import OPENAPI

# The table of the issue: how each operation responds, besides what follows from where it stands.
ISSUE = {
    "POST /api/v1/auth/sign-up": {201, 400, 409, 429},
    "POST /api/v1/auth/sign-in": {200, 400, 401, 429},
    "POST /api/v1/auth/refresh": {200, 401},
    "POST /api/v1/auth/sign-out": {204},
    "POST /api/v1/auth/change-password": {204, 400, 401},
    "GET /api/v1/users/{user_id}": {200, 403},
    "PATCH /api/v1/users/{user_id}": {200, 400, 403},
    "DELETE /api/v1/users/{user_id}": {204, 403},
    "GET /api/v1/users/{user_id}/tasks": {200, 400, 403},
    "POST /api/v1/users/{user_id}/tasks": {201, 400, 403},
    "GET /api/v1/users/{user_id}/tasks/{task_id}": {200, 400, 403, 404},
    "PUT /api/v1/users/{user_id}/tasks/{task_id}": {200, 400, 403, 404},
    "PATCH /api/v1/users/{user_id}/tasks/{task_id}": {200, 400, 403, 404},
    "DELETE /api/v1/users/{user_id}/tasks/{task_id}": {204, 400, 403, 404},
    "GET /health/live": {200},
    "GET /health/ready": {200, 503},
}


def test_a_server_publishes_the_committed_document(api: httpx.Client) -> None:
    assert api.get("/openapi.json").json() == json.loads((project_root() / OPENAPI).read_text(encoding="utf-8")), (
        "the document has changed: make docs writes it, if that was meant"
    )


def test_the_document_keeps_every_rule() -> None:
    assert breaches(document()) == []


def test_every_operation_of_the_issue_declares_the_statuses_that_the_issue_names() -> None:
    declared = {f"{one.method.upper()} {one.path}": set(map(int, one.spec["responses"])) for one in _all()}
    missing = {name: statuses - declared.get(name, set()) for name, statuses in ISSUE.items()}
    assert {name: statuses for name, statuses in missing.items() if statuses} == {}


def test_the_document_has_each_problem_that_health_responds_with_and_no_other() -> None:
    live, ready = (one.spec["responses"] for one in _all() if one.path.startswith("/health/"))
    assert "503" not in live
    schema = ready["503"]["content"]["application/problem+json"]["schema"]
    codes = {"database_unavailable", "schema_too_old", "schema_too_new", "shutting_down"}
    assert set(schema["discriminator"]["mapping"]) == codes


def test_a_body_may_be_cut_short_by_the_end_of_the_process() -> None:
    for one in _all():
        schema = one.spec["responses"].get("503", {}).get("content", {}).get("application/problem+json", {})
        told = schema.get("schema", {}).get("discriminator", {}).get("mapping", {})
        assert ("shutting_down" in told) == (one.id == "getReadiness" or one.method in ("post", "put", "patch")), one.id


def test_the_document_names_what_a_put_ignores_of_its_body() -> None:
    said = document()["components"]["schemas"]["TaskReplace"]["description"]
    assert said.endswith("Ignored are `completed_at`, `etag`, `id`, `updated_at`; an `id` is to be that of the path.")


def test_a_put_and_a_post_say_the_same_of_a_field() -> None:
    schemas = document()["components"]["schemas"]
    bodies = [(name, f"{name.removesuffix('Replace')}Create") for name in schemas if name.endswith("Replace")]
    assert bodies
    for put, post in bodies:
        assert schemas[put]["properties"].items() >= schemas[post]["properties"].items(), put


def test_a_412_of_many_has_no_tag_of_one() -> None:
    tagged = {one.id: "ETag" in one.spec["responses"].get("412", {}).get("headers", ()) for one in _all()}
    assert (tagged["updateTask"], tagged["updateTasks"]) == (True, False)


def test_the_names_are_those_that_generated_clients_know() -> None:
    names = {one.id for one in _all()}
    assert names >= {
        *("signUp", "signIn", "refreshTokens", "signOut", "changePassword", "getLiveness", "getReadiness"),
        *("getUser", "updateUser", "deleteUser"),
        *("listTasks", "createTask", "getTask", "replaceTask", "updateTask", "deleteTask"),
    }


def test_the_document_describes_the_bearer_token() -> None:
    """And where a reader of the document alone gets one."""
    (scheme,) = document()["components"]["securitySchemes"].items()
    said = scheme[1].pop("description")
    assert scheme == ("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    assert "Better Auth" in said
    assert "`access_token`" in said


def _all() -> list[Operation]:
    return operations(document())
