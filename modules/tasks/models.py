"""The table of tasks, and the indexes that serve its lists."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlmodel import Field

from core.resources import TIMESTAMP, ChangeTracked, OwnedTable, Versioned

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 10_000


class TaskStatus(StrEnum):
    """Where a task stands. The values are on the wire and in the table."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Task(ChangeTracked, Versioned, OwnedTable, table=True):
    """One thing to do, of one user. `completed_at` is set exactly while `status` is completed."""

    __tablename__ = "tasks"
    __table_args__: ClassVar[Any] = (
        CheckConstraint(f"char_length(title) BETWEEN 1 AND {TITLE_LENGTH}", name="title_length"),
        CheckConstraint(f"char_length(description) <= {DESCRIPTION_LENGTH}", name="description_length"),
        CheckConstraint("status IN ('pending', 'in_progress', 'completed')", name="status_known"),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at_with_status"),
        # One for each sort; each also serves the filter on its column, and walks either way.
        Index("ix_tasks_created_at", "user_id", "created_at", "id"),
        Index("ix_tasks_updated_at", "user_id", "updated_at", "id"),
        Index("ix_tasks_due_at", "user_id", text("COALESCE(due_at, 'infinity'::timestamptz)"), "id"),
        Index("ix_tasks_title", "user_id", text("lower(title)"), "id"),
        # Of what has changed since a client last asked.
        Index("ix_tasks_change", "user_id", "change", "id"),
        # Of the filter on `status`; with what else the kinds and filters of counts look at, so that they read no row.
        Index(
            "ix_tasks_counts",
            "user_id",
            "status",
            "created_at",
            "id",
            postgresql_include=["due_at", "updated_at"],
        ),
    )

    title: str = Field(sa_type=Text)
    description: str | None = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    due_at: datetime | None = Field(sa_type=TIMESTAMP)
    completed_at: datetime | None = Field(sa_type=TIMESTAMP)
