"""The tasks of every contestant: the table, the wire, the statements compiled once, the response's bytes."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from common import dialect
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Column, DateTime, bindparam, insert, select
from sqlmodel import Field, SQLModel

FACT_COLUMNS = ("user_id", "id", "title", "description", "status", "due_at", "created_at", "updated_at")


class Task(SQLModel, table=True):
    __tablename__ = "tasks"

    user_id: str = Field(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    title: str
    description: str | None = None
    status: str = "pending"
    due_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    completed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(max_length=10_000)]
Status = Literal["pending", "in_progress", "completed"]


class TaskIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title
    description: Description | None = None
    status: Status = "pending"
    due_at: AwareDatetime | None = None


class TaskChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title = ""
    description: Description | None = None
    status: Status = "pending"
    due_at: AwareDatetime | None = None


class TaskOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    title: str
    description: str | None
    status: str
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class TaskList(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    items: list[TaskOut]


def compiled(statement: Any) -> str:
    """The SQL text of a statement, as psycopg2's cursors take it."""
    return str(statement.compile(dialect=dialect()))


table = SQLModel.metadata.tables["tasks"]
response_columns = [table.c[name] for name in TaskOut.model_fields]
GET_TASK = compiled(
    select(*response_columns).where(table.c.user_id == bindparam("user_id"), table.c.id == bindparam("id"))
)
CREATE_TASK = compiled(insert(table).values({n: bindparam(n) for n in FACT_COLUMNS}).returning(*response_columns))


def new_task(user_id: str, body: TaskIn) -> dict[str, Any]:
    now = datetime.now(UTC)
    facts = {
        "user_id": user_id,
        "id": str(uuid.uuid4()),
        "title": body.title,
        "description": body.description,
    }
    return facts | {"status": "pending", "due_at": body.due_at, "created_at": now, "updated_at": now}


def render(row: Mapping[str, Any]) -> bytes:
    """One row validated and serialised by pydantic-core."""
    return TaskOut.__pydantic_serializer__.to_json(TaskOut.__pydantic_validator__.validate_python(row))


def render_list(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The same for a page."""
    return TaskList.__pydantic_serializer__.to_json(TaskList.__pydantic_validator__.validate_python({"items": rows}))


def render_tuple(row: tuple[Any, ...]) -> bytes:
    return render(dict(zip(TaskOut.model_fields, row, strict=True)))
