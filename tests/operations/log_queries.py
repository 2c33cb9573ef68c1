"""Questions that operators have for the log, in jq and in lnav, and what the real tools answer on a real log.

`python -m tests.operations.log_queries` writes both into docs/operations.md.
"""

import os
import secrets
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx

from core.config import PROJECT_ROOT
from core.database import embedded, migrations
from tests.conftest import UserClient, make_token
from tests.core.api_process import ApiProcess
from tests.faults import packages

PROGRAMS = ("jq", "lnav")
DOCUMENT = "docs/operations.md"
FORMAT = PROJECT_ROOT / "deploy" / "lnav" / "todo-api.json"
USER, REQUEST = "u7Qx2fPzK0bR4mVtYc9LwA1sDhE6gNjZ", "order-4711"
GONE = "m3Ys8kTqVb1nXcRz0oHfW5eJpLd2uGaI"
_MARKS = ("<!-- queries: written by make log-queries -->", "<!-- queries: end -->")


class Question(NamedTuple):
    """The same in both languages. `jq` are its options and program."""

    title: str
    jq: str
    sql: str


QUESTIONS = [
    Question(
        "Slowest routes",
        """jq -rs 'map(select(.message == "request" and ."http.route")) | group_by(."http.route")
  | map([(map(.duration_ms) | max), length, .[0]."http.route"]) | sort_by(-.[0])[] | @tsv' api.log""",
        """;SELECT max("duration_ms") AS slowest, count(*) AS requests, "http.route" AS route FROM todo_api
 WHERE log_body = 'request' AND "http.route" IS NOT NULL GROUP BY "http.route" ORDER BY slowest DESC""",
    ),
    Question(
        "Errors by code",
        """jq -r 'select(.message == "request" and ."error.code")
  | [."http.response.status_code", ."error.code"] | @tsv' api.log | sort | uniq -c | sort -rn""",
        """;SELECT count(*) AS requests, "http.response.status_code" AS status, "error.code" AS code FROM todo_api
 WHERE log_body = 'request' AND "error.code" IS NOT NULL GROUP BY status, code ORDER BY requests DESC, status""",
    ),
    Question(
        "One request whole: the id is in its response, as X-Request-ID and in the problem",
        f"""jq -c 'select(.request_id == "{REQUEST}")
  | {{level, message, "error.reason", "user.id", "http.route", "http.response.status_code"}}' api.log""",
        f""";SELECT log_level AS level, log_body AS message, "error.reason" AS reason, "user.id" AS user,
 "http.route" AS route, "http.response.status_code" AS status FROM todo_api
 WHERE request_id = '{REQUEST}' ORDER BY log_line""",
    ),
    Question(
        "One user's requests",
        f"""jq -r 'select(.message == "request" and ."user.id" == "{USER}")
  | [."http.request.method", ."url.path", ."http.response.status_code"] | @tsv' api.log""",
        f""";SELECT "http.request.method" AS method, "url.path" AS path, "http.response.status_code" AS status
 FROM todo_api WHERE log_body = 'request' AND "user.id" = '{USER}' ORDER BY log_line""",
    ),
    Question(
        "Who deleted their account, and when: after a restore they are to be deleted again",
        """jq -r 'select(.message == "request" and ."http.request.method" == "DELETE"
    and ."http.route" == "/api/v1/users/{user_id}" and ."http.response.status_code" == 204)
  | [.timestamp, ."user.id"] | @tsv' api.log""",
        """;SELECT log_time AS deleted_at, "user.id" AS user FROM todo_api WHERE log_body = 'request'
 AND "http.request.method" = 'DELETE' AND "http.route" = '/api/v1/users/{user_id}'
 AND "http.response.status_code" = 204 ORDER BY log_line""",
    ),
    Question(
        "Who sends the most, and gets what: a client in a loop is at the top",
        """jq -r 'select(.message == "request") | [."user.id", ."client.address", ."http.route",
    ."http.response.status_code"] | @tsv' api.log | sort | uniq -c | sort -rn | head""",
        """;SELECT count(*) AS requests, "user.id" AS user, "client.address" AS address, "http.route" AS route,
 "http.response.status_code" AS status FROM todo_api WHERE log_body = 'request'
 GROUP BY user, address, route, status ORDER BY requests DESC, status DESC, route DESC LIMIT 10""",
    ),
    Question(
        "Rejected tokens by reason (docs/better-auth.md says what each means)",
        """jq -r 'select(.message == "request rejected" and ."error.code" == "invalid_token")
  | ."error.reason"' api.log | sort | uniq -c | sort -rn""",
        """;SELECT count(*) AS tokens, "error.reason" AS reason FROM todo_api
 WHERE log_body = 'request rejected' AND "error.code" = 'invalid_token' GROUP BY reason ORDER BY tokens DESC, reason""",
    ),
    Question(
        "Time in the database, of all time: what is not there was ours; what waited had no connection",
        """jq -rs 'map(select(.message == "request" and ."db.duration_ms")) | group_by(."http.route") | map([
    (map(."db.duration_ms") | add | round), (map(."db.wait_ms") | add | round), (map(.duration_ms) | add | round),
    (map(."db.statements") | add), .[0]."http.route"]) | sort_by(-.[0])[] | @tsv' api.log""",
        """;SELECT round(sum("db.duration_ms")) AS in_database, round(sum("db.wait_ms")) AS waited,
 round(sum("duration_ms")) AS total, sum("db.statements") AS statements, "http.route" AS route FROM todo_api
 WHERE log_body = 'request' AND "db.duration_ms" IS NOT NULL GROUP BY route ORDER BY in_database DESC""",
    ),
]


def real_log(folder: Path, database_url: str) -> Path:
    """What the API writes while it serves some good and some bad requests, as a file."""
    with ApiProcess(database_url) as process:
        with UserClient(process.url, USER) as user:
            tasks = [user.create_task() for _ in range(3)]
            for task in tasks[:2]:
                user.patch(f"{user.tasks}/{task['id']}", json={"title": "Water them again"})
            user.get(user.tasks)
            user.get(f"{user.tasks}/00000000-0000-7000-8000-000000000000")
            user.post(user.tasks, json={"title": ""})
        with UserClient(process.url, GONE) as gone:
            gone.delete("/api/v1/users/me")
        bad = [
            secrets.token_hex(16),
            secrets.token_hex(16),
            make_token(USER, exp=int(time.time()) - 60),
            make_token(USER, secret=secrets.token_hex(32)),
        ]
        for number, token in enumerate(bad):
            headers = {"Authorization": f"Bearer {token}", "X-Request-ID": f"order-{4711 + number}"}
            httpx.get(f"{process.url}/api/v1/users/me/tasks", headers=headers, trust_env=False)
    log = folder / "api.log"
    log.write_bytes(b"".join(process.raw_lines))
    return log


def by_jq(question: Question, log: Path) -> str:
    """What jq and the shell print."""
    return _run(["sh", "-c", question.jq], log, {})


def by_lnav(question: Question, log: Path) -> str:
    """What lnav prints."""
    return in_lnav(log, "-N", "-c", question.sql.replace("\n", ""))


def in_lnav(log: Path, *options: str) -> str:
    """The same with other options; our format is its only one of the user's."""
    formats = log.parent / "lnav" / "formats" / "installed"
    formats.mkdir(parents=True, exist_ok=True)
    (formats / FORMAT.name).write_text(FORMAT.read_text())
    home = {"HOME": str(log.parent), "XDG_CONFIG_HOME": str(log.parent)}
    return _run([packages.needed("lnav"), "-n", "-I", str(log.parent / "lnav"), *options, log.name], log, home)


def _run(command: list[str], log: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=log.parent,
        env={**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def shown(log: Path) -> str:
    """The questions and the answers, as the document has them."""
    parts = []
    for question in QUESTIONS:
        parts.append(f"**{question.title}**")
        parts.append(f"```sh\n{question.jq}\n```\n\n```text\n{by_jq(question, log)}\n```")
        parts.append(f"```sql-lnav\n{question.sql}\n```\n\n```text\n{by_lnav(question, log)}\n```")
    return "\n\n".join(parts)


def filled(text: str, part: str) -> str:
    """`text` with `part` between its marks."""
    begin, end = _MARKS
    before, rest = text.split(begin)
    return f"{before}{begin}\n{part}\n{end}{rest.split(end)[1]}"


def _write() -> None:
    if missing := packages.install(PROGRAMS):
        raise SystemExit(f"This needs {' and '.join(missing)}. On Debian: apt-get install {' '.join(missing)}")
    path = PROJECT_ROOT / DOCUMENT
    with tempfile.TemporaryDirectory(prefix="todo-api-log-", ignore_cleanup_errors=True) as folder:
        postgres = embedded.start(Path(folder) / "data", keep=False)
        migrations.upgrade(postgres.get_uri())
        log = real_log(Path(folder), postgres.get_uri())
        path.write_text(filled(path.read_text(encoding="utf-8"), shown(log)), encoding="utf-8")
        postgres.cleanup()


if __name__ == "__main__":
    _write()
