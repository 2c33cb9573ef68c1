"""FastAPI with SQLAlchemy's asynchronous ORM on asyncpg."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from common import AccessLine, Settings, user_of
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import col, select
from starlette.types import ASGIApp
from tasks import Task, TaskChange, TaskIn, TaskList, TaskOut


def create() -> ASGIApp:
    settings = Settings()
    url = settings.database_url.replace("postgresql://", "postgresql+asyncpg://").split("&application_name")[0]
    engine = create_async_engine(url, pool_size=settings.connections, max_overflow=0)
    make_session = async_sessionmaker(engine, expire_on_commit=False)

    async def get_session() -> AsyncIterator[AsyncSession]:
        async with make_session() as session:
            yield session

    async def get_current_user(request: Request) -> str:
        user_id = user_of(request.headers.get("authorization"), settings.secret)
        if user_id is None:
            raise HTTPException(401)
        return user_id

    SessionDep = Annotated[AsyncSession, Depends(get_session)]
    CurrentUser = Annotated[str, Depends(get_current_user)]
    app = FastAPI(openapi_url=None)

    async def find(session: AsyncSession, user: str, task_id: uuid.UUID) -> Task:
        task = await session.get(Task, (user, task_id))
        if task is None:
            raise HTTPException(404)
        return task

    @app.get("/users/me/tasks", response_model=TaskList)
    async def list_tasks(session: SessionDep, user: CurrentUser, limit: Annotated[int, Query(le=100)] = 50) -> Any:
        newest = select(Task).where(Task.user_id == user).order_by(col(Task.created_at).desc(), col(Task.id).desc())
        return {"items": (await session.scalars(newest.limit(limit))).all()}

    @app.get("/users/me/tasks/{task_id}", response_model=TaskOut)
    async def get_task(session: SessionDep, user: CurrentUser, task_id: uuid.UUID) -> Any:
        return await find(session, user, task_id)

    @app.post("/users/me/tasks", response_model=TaskOut, status_code=201)
    async def create_task(session: SessionDep, user: CurrentUser, new: TaskIn) -> Any:
        now = datetime.now(UTC)
        task = Task(user_id=user, id=uuid.uuid4(), created_at=now, updated_at=now, **new.model_dump())
        session.add(task)
        await session.commit()
        return task

    @app.patch("/users/me/tasks/{task_id}", response_model=TaskOut)
    async def update_task(session: SessionDep, user: CurrentUser, task_id: uuid.UUID, changes: TaskChange) -> Any:
        task = await find(session, user, task_id)
        task.sqlmodel_update(changes.model_dump(exclude_unset=True))
        task.updated_at = datetime.now(UTC)
        await session.commit()
        return task

    return AccessLine(app)
