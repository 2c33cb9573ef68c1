"""How each psycopg2 path responds while its database is silent, cut off or dead, and how soon it is well again."""

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from contestants import CONTESTANTS
from load import TASK, TOKEN, Load, Response, ask, statuses
from postgres import Postgres
from server import Server

POOL = 4
CREATED = 201
PAUSE = 12.0
Fault = Callable[[Server, Postgres], str]


def created(postgres: Postgres) -> int:
    [(rows,)] = postgres.run("SELECT count(*)::int FROM tasks WHERE title = 'Under fault'")
    return int(str(rows))


def silent(server: Server, postgres: Postgres) -> str:
    before = created(postgres)
    with Load(server.port) as load:
        time.sleep(1)
        postgres.pause()
        paused = time.monotonic()
        time.sleep(PAUSE)
        postgres.resume()
        resumed = time.monotonic()
        time.sleep(3)
    during = [response for response in load.within(paused, resumed) if response.ended < resumed]
    longest = max(response.took for response in load.within(paused, resumed))
    unknown = created(postgres) - before - sum(response.status == CREATED for response in load.responses)
    live = max(response.took for response in load.live)
    return (
        f"longest {longest:.2f} s; {statuses(during)}; "
        f"first success after SIGCONT {load.first_success(resumed):.3f} s, "
        f"last failure {load.last_failure(resumed):.2f} s; /health/live at most {live * 1000:.0f} ms; "
        f"{unknown} rows made by requests whose response was 503"
    )


def terminated(server: Server, postgres: Postgres) -> str:
    with Load(server.port) as load:
        time.sleep(0.5)
        begin = time.monotonic()
        for _ in range(5):
            postgres.terminate_backends(server.module)
            last = time.monotonic()
            time.sleep(0.5)
    return (
        f"5 times under load: {statuses(load.within(begin, float('inf')))}; "
        f"last failure {load.last_failure(last):.2f} s after the last time"
    )


def terminated_idle(server: Server, postgres: Postgres) -> str:
    with ThreadPoolExecutor(POOL) as pool:
        list(pool.map(lambda _: ask(server.port, TASK), range(40)))
    killed = postgres.terminate_backends(server.module)
    time.sleep(0.3)
    return f"{killed} idle ones: the next 8 requests {statuses([ask(server.port, TASK) for _ in range(8)])}"


def killed(server: Server, postgres: Postgres) -> str:
    with Load(server.port) as load:
        time.sleep(0.5)
        postgres.kill()
        begin = time.monotonic()
        time.sleep(1)
        with ThreadPoolExecutor(1) as watcher:
            first = watcher.submit(postgres.first_connection)
            postgres.start_again()
            back = first.result()
        time.sleep(2)
    during = load.within(begin, back)
    longest = max(response.took for response in during)
    return (
        f"{statuses(during)}, longest {longest:.2f} s; "
        f"once the server lets somebody in: first success {load.first_success(back):.3f} s, "
        f"last failure {load.last_failure(back):.2f} s"
    )


def abandon(server: Server, path: str) -> None:
    """A client that hangs up in the middle of its request."""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        time.sleep(0.3)


def cancelled(server: Server, postgres: Postgres) -> str:
    def echo(number: int) -> tuple[int, Response]:
        return number, ask(server.port, f"/faults/echo/{number}")

    ask(server.port, TASK)
    descriptors = server.descriptors()
    parts = []
    with ThreadPoolExecutor(16) as pool:
        for label, action in (
            ("8 clients hang up", lambda _: abandon(server, "/faults/sleep")),
            ("8 statements cancelled", lambda _: ask(server.port, "/faults/cancelled")),
        ):
            list(pool.map(action, range(8)))
            responses = list(pool.map(echo, range(200)))
            right = sum(
                response.status == 200 and json.loads(response.body) == number for number, response in responses
            )
            longest = max(response.took for _, response in responses)
            backends = postgres.backends(server.module)
            settled = postgres.settled_backends(server.module, POOL, 5)
            parts.append(
                f"{label}: {right} of 200 next responses right, longest {longest:.2f} s, "
                f"backends {backends} then {settled}"
            )
    return "; ".join(parts) + f"; descriptors {descriptors} then {server.descriptors()}"


def transaction(server: Server, postgres: Postgres) -> str:
    parts = []
    for label, fail in (("with an exception", "true"), ("without", "false")):
        postgres.run("DELETE FROM tasks WHERE user_id = 'user-1' AND title IN ('first', 'second')")
        responses = [ask(server.port, f"/faults/transaction?fail={fail}", "POST") for _ in range(8)]
        [(rows,)] = postgres.run("SELECT count(*) FROM tasks WHERE title IN ('first', 'second')")
        parts.append(f"{label} {statuses(responses)}, {rows} rows")
    open_ones = postgres.run("SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    return "; ".join(parts) + f"; {len(open_ones)} transactions left open"


FAULTS: tuple[tuple[str, Fault], ...] = (
    (f"(a) silent for {PAUSE:.0f} s", silent),
    ("(b) backends terminated", terminated),
    ("(b) terminated while idle", terminated_idle),
    ("(c) killed, started again", killed),
    ("(d) cancelled in mid-statement", cancelled),
    ("(e) BEGIN, 2 x INSERT, COMMIT", transaction),
)


def measure(postgres: Postgres) -> str:
    contestants = [one for one in CONTESTANTS if one.module.startswith("path_") and not one.variables]
    lines = [
        f"| fault | {' | '.join(one.name for one in contestants)} |",
        "|---" * (len(contestants) + 1) + "|",
    ]
    for label, fault in FAULTS:
        cells = []
        for contestant in contestants:
            with Server(contestant, postgres.url) as server:
                cells.append(fault(server, postgres))
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)
