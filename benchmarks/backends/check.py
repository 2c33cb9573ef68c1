"""How each contestant must respond before it is measured: nobody is fast by being wrong."""

import json
import urllib.error
import urllib.request
from typing import Any

from common import sign
from server import PRODUCT, SECRET, Server
from tasks import TaskOut

OWN = "00000000-0000-4000-8000-000100000001"
OTHERS = "00000000-0000-4000-8000-000200000001"


def ask(server: Server, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
    """The status and the JSON of one response."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{server.prefix}/users/me/tasks{path}")
    request.method = method
    request.add_header("Authorization", f"Bearer {token or sign('user-1', SECRET)}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, None


def check(server: Server) -> None:
    """Raises RuntimeError with what is wrong."""
    # This API's tasks have their entity tag besides.
    fields = {*TaskOut.model_fields, *(["etag"] if server.module == PRODUCT else [])}
    own, listed = ask(server, "GET", f"/{OWN}"), ask(server, "GET", "?limit=20")
    made = ask(server, "POST", "", {"title": "A new task", "due_at": "2030-01-01T12:00:00Z"})
    again = ask(server, "GET", f"/{made[1]['id']}")
    changed = ask(server, "PATCH", f"/{made[1]['id']}", {"title": "A changed task"})
    found = {
        "one's own task": own[0] == 200 and set(own[1]) == fields and own[1]["id"] == OWN,
        "the newest 20": listed[0] == 200 and len(listed[1]["items"]) == 20 and set(listed[1]["items"][0]) == fields,
        "a new task": made[0] == 201 and again == (200, made[1]),
        "a change": changed[0] == 200 and changed[1]["title"] == "A changed task",
        "another's task is not found": ask(server, "GET", f"/{OTHERS}")[0] == 404,
        "a wrong token": ask(server, "GET", f"/{OWN}", token=sign("user-1", SECRET[::-1]))[0] == 401,
        "a wrong body": ask(server, "POST", "", {"title": ""})[0] in (400, 422),
        "an unknown status": ask(server, "PATCH", f"/{OWN}", {"status": "x"})[0] in (400, 422),
    }
    wrong = [name for name, right in found.items() if not right]
    if wrong:
        raise RuntimeError(f"{server.contestant.name}: {', '.join(wrong)}")
