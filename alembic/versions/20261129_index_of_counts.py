"""index of counts

Counts by kind read an index alone: the one of `status` gets what else the kinds and the filters look at. That needs the
table vacuumed more often than PostgreSQL does by itself, after a fifth of it has changed.

Revision ID: 7e0b5a94c2d1
Revises: 2f9c6ad01e85
"""

from alembic import op

revision = "7e0b5a94c2d1"
down_revision = "2f9c6ad01e85"
branch_labels = None
depends_on = None


def _reject_long_readers() -> None:
    """The drop waits for whoever reads, in vain beside a backup, and each try would build the index before it."""
    op.execute("SAVEPOINT before_build")
    op.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
    op.execute("ROLLBACK TO SAVEPOINT before_build")


def upgrade() -> None:
    _reject_long_readers()
    # Writes wait while it is built. Where that takes too long it is there before: docs/operations.md says how.
    op.create_index(
        "ix_tasks_counts",
        "tasks",
        ["user_id", "status", "created_at", "id"],
        postgresql_include=["due_at", "updated_at"],
        if_not_exists=True,
    )
    # The new one serves whatever this one served, also for the release before.
    op.drop_index("ix_tasks_status", table_name="tasks", if_exists=True)
    op.execute(
        "ALTER TABLE tasks SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05)"
    )


def downgrade() -> None:
    _reject_long_readers()
    op.execute("ALTER TABLE tasks RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)")
    op.create_index("ix_tasks_status", "tasks", ["user_id", "status", "created_at", "id"], if_not_exists=True)
    op.drop_index("ix_tasks_counts", table_name="tasks")
