"""What an operation does after its response, or beside itself: with an Idempotency-Key as without one."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends, Request, Response
from fastapi.responses import StreamingResponse
from structlog.testing import capture_logs

from core.config import NAME
from core.database.errors import DatabaseUnavailableError
from core.http import found, located, owned, private_router
from core.problems import Problem, ProblemError
from modules.tasks.models import Task
from modules.tasks.repository import TaskRepository
from modules.tasks.schemas import TaskCreate, TaskRead, TaskUpdate
from tests.conftest import RunningServer, TestDatabase, UserClient, assert_problem, make_settings, make_token
from tests.core.http.extended_app import extended_app
from tests.waiting import poll

# Of the server of these tests, in seconds: by when there is a response, and by when a body is there.
TIMEOUT, BODY_TIMEOUT = 1.0, 0.5
# Whether an operation has a key.
KEYED = pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])

Tasks = Annotated[TaskRepository, owned(TaskRepository)]
router = private_router("after", "/users/{user_id}/after")


class Csv(StreamingResponse):
    """A file."""

    media_type = "text/csv"


async def renamed_at_the_end(tasks: Tasks) -> AsyncIterator[list[Task]]:
    """A dependency that writes once the response is sent."""
    made: list[Task] = []
    yield made
    await tasks.change(made[0].id, TaskUpdate(title="renamed at the end"))


@router.post("/background", response_model=TaskRead, status_code=201)
async def in_the_background(
    tasks: Tasks, new: TaskCreate, request: Request, response: Response, later: BackgroundTasks, pause: float = 0.0
) -> Task:
    """Stores a task, and renames it later."""
    task = located(request, response, await tasks.create(new))

    async def rename() -> None:
        await asyncio.sleep(pause)
        await tasks.change(task.id, TaskUpdate(title="renamed in the background"))

    later.add_task(rename)
    return task


@router.post("/end", response_model=TaskRead, status_code=201)
async def at_the_end(tasks: Tasks, new: TaskCreate, made: Annotated[list[Task], Depends(renamed_at_the_end)]) -> Task:
    """Stores a task that a dependency renames."""
    made.append(await tasks.create(new))
    return made[0]


@router.post("/at-once", response_model=list[TaskRead], status_code=201)
async def at_once(tasks: Tasks, new: TaskCreate) -> list[Task]:
    """Stores two tasks at the same time."""
    return [*await asyncio.gather(tasks.create(new), tasks.create(new))]


@router.post("/failing", response_model=TaskRead, status_code=201)
async def failing(tasks: Tasks, new: TaskCreate) -> Task:
    """Stores a task, takes its time, and fails."""
    await tasks.create(new)
    await asyncio.sleep(0.6)
    raise ProblemError(Problem.CONFLICT, "It fails.")


@router.post("/late", response_model=TaskRead, status_code=201)
async def late(tasks: Tasks, new: TaskCreate) -> Task:
    """Stores a task when the deadline has passed."""
    await asyncio.sleep(TIMEOUT + 0.2)
    return await tasks.create(new)


@router.post("/file", response_class=Csv)
async def file(tasks: Tasks, new: TaskCreate) -> Csv:
    """Reads while it sends, for longer than a body and a response may take."""
    task = await tasks.create(new)

    async def rows() -> AsyncIterator[str]:
        for _ in range(3):
            await asyncio.sleep(TIMEOUT / 2)
            yield f"{found(await tasks.get(task.id), 'task').title}\r\n"

    return Csv(rows())


@router.get("/cut", response_class=Csv)
async def cut() -> Csv:
    """Fails when it has begun."""

    async def rows() -> AsyncIterator[str]:
        yield "a"
        raise DatabaseUnavailableError("gone")

    return Csv(rows())


@router.get("/endless", response_class=Csv)
async def endless(request: Request) -> Csv:
    """Says on its way that it has begun."""

    async def rows() -> AsyncIterator[str]:
        yield "a"
        request.app.state.begun.set()
        await asyncio.sleep(60)

    return Csv(rows())


@pytest.fixture
def start(own: TestDatabase) -> Iterator[Callable[..., RunningServer]]:
    """Starts the application with these operations."""
    running: list[RunningServer] = []

    def started(**values: Any) -> RunningServer:
        settings = make_settings(request_timeout=TIMEOUT, body_timeout=BODY_TIMEOUT, **values)
        running.append(RunningServer(settings, own.proxied_url, router))
        return running[-1]

    yield started
    for one in running:
        one.stop()


@pytest.fixture
def user(start: Callable[..., RunningServer]) -> Iterator[UserClient]:
    """A user of an application with one connection."""
    with UserClient(start(database_pool_size=1).url) as client:
        yield client


def post(user: UserClient, operation: str, *, keyed: bool, **params: Any) -> Any:
    """The response of an operation to a new task."""
    headers = {"Idempotency-Key": secrets.token_hex(8)} if keyed else {}
    path = f"/api/v1/users/me/after/{operation}"
    return user.post(path, json={"title": "new"}, headers=headers, params=params)


def titles(user: UserClient) -> list[str]:
    """Those of the user's tasks."""
    return [task["title"] for task in user.get(user.tasks).json()["items"]]


@KEYED
@pytest.mark.parametrize("operation", ["background", "end"])
def test_what_is_written_after_the_response_is_there(user: UserClient, operation: str, keyed: bool) -> None:
    assert post(user, operation, keyed=keyed).status_code == 201
    renamed = {"background": "renamed in the background", "end": "renamed at the end"}[operation]
    assert poll(lambda: titles(user) == [renamed])


@KEYED
def test_in_the_background_there_is_time_after_the_deadline(user: UserClient, keyed: bool) -> None:
    assert post(user, "background", keyed=keyed, pause=TIMEOUT + 0.2).status_code == 201
    assert poll(lambda: titles(user) == ["renamed in the background"])


def test_it_is_no_part_of_somebody_elses_transaction(user: UserClient) -> None:
    """They have the one connection, and roll back."""
    with UserClient(str(user.base_url)) as other, ThreadPoolExecutor() as threads:
        other.create_task()
        assert post(user, "background", keyed=True, pause=0.3).status_code == 201
        failed = threads.submit(post, other, "failing", keyed=True)
        assert_problem(failed.result(), 409, "conflict")
        assert poll(lambda: titles(user) == ["renamed in the background"])
        assert len(titles(other)) == 1


@KEYED
def test_statements_may_be_sent_at_once(user: UserClient, keyed: bool) -> None:
    response = post(user, "at-once", keyed=keyed)
    assert (response.status_code, len(titles(user))) == (201, 2)


@KEYED
def test_a_statement_after_the_deadline_costs_no_connection_but_that_of_its_transaction(
    start: Callable[..., RunningServer], own: TestDatabase, keyed: bool
) -> None:
    with UserClient(start(database_pool_size=3).url) as user, ThreadPoolExecutor() as threads:
        user.create_task()
        for _ in range(3):
            list(threads.map(lambda _: titles(user), range(6)))
        before = _connections(own)
        assert_problem(post(user, "late", keyed=keyed), 503, "database_unavailable")
        assert len(before) > 1
        assert len(before - _connections(own)) == int(keyed)


@KEYED
def test_a_file_is_read_while_it_is_sent(user: UserClient, keyed: bool) -> None:
    began = time.monotonic()
    response = post(user, "file", keyed=keyed)
    assert time.monotonic() - began > TIMEOUT > BODY_TIMEOUT
    assert (response.status_code, response.text) == (200, "new\r\n" * 3)


def test_the_log_tells_why_a_response_was_cut(user: UserClient) -> None:
    with capture_logs() as logs, pytest.raises(httpx.RemoteProtocolError):
        user.get("/api/v1/users/me/after/cut")
    assert poll(lambda: [line["error.type"] for line in logs if line["event"] == "request failed"]) == [
        "DatabaseUnavailableError"
    ]


def test_a_response_that_has_begun_ends_with_its_process(own: TestDatabase) -> None:
    """Nothing else is said in it."""

    async def run() -> None:
        async with extended_app(router, database=own) as client:
            transport = client._transport
            assert isinstance(transport, httpx.ASGITransport)
            begun = transport.app.state.begun = asyncio.Event()  # type: ignore[attr-defined]
            headers = {"Authorization": f"Bearer {make_token('somebody')}"}
            response = asyncio.create_task(client.get("/api/v1/users/me/after/endless", headers=headers))
            await begun.wait()
            response.cancel()
            with pytest.raises(asyncio.CancelledError):
                await response

    asyncio.run(run())


def _connections(database: TestDatabase) -> set[int]:
    sql = f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}'"
    return {pid for (pid,) in database.query(sql)}
