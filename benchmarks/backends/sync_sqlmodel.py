"""The full-stack template's pattern (a session by dependency, the user's row read at each request), and with
READ_USER=0 the common tutorial's, which reads no user."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from common import AccessLine, Settings, user_of
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from sqlalchemy import BigInteger, Column
from sqlmodel import Field, Session, SQLModel, col, create_engine, select
from starlette.types import ASGIApp
from tasks import Task, TaskChange, TaskIn, TaskList, TaskOut


class User(SQLModel, table=True):
    __tablename__ = "users"

    id: str = Field(primary_key=True)
    email: str | None = None
    name: str | None = None
    version: int = Field(default=1, sa_column=Column(BigInteger))


def create() -> ASGIApp:  # noqa: C901 (one application, all its endpoints)
    settings = Settings()
    engine = create_engine(settings.database_url.replace("postgresql://", "postgresql+psycopg2://"))
    reads_user = os.environ.get("READ_USER") == "1"

    def get_session() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    SessionDep = Annotated[Session, Depends(get_session)]

    def get_current_user(session: SessionDep, request: Request) -> str:
        user_id = user_of(request.headers.get("authorization"), settings.secret)
        if user_id is None:
            raise HTTPException(401)
        if reads_user and session.get(User, user_id) is None:
            raise HTTPException(404)
        return user_id

    CurrentUser = Annotated[str, Depends(get_current_user)]
    app = FastAPI(openapi_url=None)

    @app.get("/users/me/tasks", response_model=TaskList)
    def list_tasks(session: SessionDep, user: CurrentUser, limit: Annotated[int, Query(ge=1, le=100)] = 50) -> Any:
        newest = select(Task).where(Task.user_id == user).order_by(col(Task.created_at).desc(), col(Task.id).desc())
        return {"items": session.exec(newest.limit(limit)).all()}

    @app.get("/users/me/tasks/{task_id}", response_model=TaskOut)
    def get_task(session: SessionDep, user: CurrentUser, task_id: uuid.UUID) -> Any:
        task = session.get(Task, (user, task_id))
        if task is None:
            raise HTTPException(404)
        return task

    @app.post("/users/me/tasks", response_model=TaskOut, status_code=201)
    def create_task(session: SessionDep, user: CurrentUser, new: TaskIn) -> Any:
        now = datetime.now(UTC)
        task = Task(user_id=user, id=uuid.uuid4(), created_at=now, updated_at=now, **new.model_dump())
        session.add(task)
        session.commit()
        session.refresh(task)
        return task

    @app.patch("/users/me/tasks/{task_id}", response_model=TaskOut)
    def update_task(session: SessionDep, user: CurrentUser, task_id: uuid.UUID, changes: TaskChange) -> Any:
        task = session.get(Task, (user, task_id))
        if task is None:
            raise HTTPException(404)
        task.sqlmodel_update(changes.model_dump(exclude_unset=True))
        task.updated_at = datetime.now(UTC)
        session.add(task)
        session.commit()
        session.refresh(task)
        return task

    return AccessLine(app)
