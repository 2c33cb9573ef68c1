"""A Better Auth server beside the API, not before it: what a page asks of the two is one trace too."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from tests.better_auth.servers import EXAMPLE, BetterAuth, Person
from tests.compatibility import instrumented
from tests.conftest import SECRET, TestDatabase
from tests.core.api_process import ApiProcess
from tests.ports import free_port
from tests.waiting import poll
from tests.web.tracing import spans
from tests.web.tracing.spans import Collector, Span

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TASKS = "/api/v1/users/me/tasks"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def _better_auth(folder: Path, database_url: str, collector: Collector) -> BetterAuth:
    """The example's server with OpenTelemetry's packages beside Better Auth, which has spans of its own then."""
    script = Path(shutil.copy(EXAMPLE / "server.mjs", folder))
    (folder / "node_modules").symlink_to(spans.HERE / "node_modules")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"PORT": str(port), "DATABASE_URL": database_url, "BETTER_AUTH_URL": url, "BETTER_AUTH_SECRET": SECRET}
    return BetterAuth(script, [url], **settings, **collector.variables("auth"), **spans.FOR_ES_MODULES)


def _both(collector: Collector) -> list[Span] | None:
    """The spans of the two requests, once they have come."""
    found = [one for one in collector.spans(TRACE) if one["parent_span_id"] == PARENT]
    return found if len(found) == 2 else None


def _names_below(span: Span, shown: list[Span], trace: list[Span]) -> set[str]:
    return {one["name"] for one in shown if spans.way(one, trace)[0] == span}


def test_a_token_and_what_it_is_used_for(
    opentelemetry: Path, database: TestDatabase, database_of_its_own: Callable[[], str], tmp_path: Path
) -> None:
    with spans.collecting(opentelemetry / "python", tmp_path) as collector:
        auth = _better_auth(tmp_path, database_of_its_own(), collector)
        variables = {"BETTER_AUTH_URL": auth.urls[0], **collector.variables("todo-api")}
        with ApiProcess(database.proxied_url, program=instrumented.program(opentelemetry), **variables) as api:
            try:
                auth.start()
                with closing(Person(auth.urls[0])) as person:
                    person.headers.update(SENT)
                    token = person.token()
                headers = {"Authorization": f"Bearer {token}", **SENT}
                assert httpx.get(f"{api.url}{TASKS}", headers=headers, timeout=20).status_code == 200
                theirs, ours = poll(lambda: _both(collector))
            finally:
                auth.stop()
    assert (theirs["service"], ours["service"]) == ("auth", "todo-api")
    assert ours["name"] == "GET /api/v1/users/{user_id}/tasks"
    trace = collector.spans(TRACE)
    shown = [one for one in trace if one["scope"] in {"better-auth", "todo-api"}]
    assert {"GET /token", "db findOne session"} <= _names_below(theirs, shown, trace)
    assert "modules.tasks.repository.Task.page" in _names_below(ours, shown, trace)
    print(spans.drawn(trace, [theirs, ours, *shown]))  # noqa: T201
    assert token not in collector.text
