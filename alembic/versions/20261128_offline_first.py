"""offline first

What a client needs that was away: deletions leave tombstones, changes have an index in their order, and one row names
the history that their numbers count in. Stored responses name their row in place of its content; `body` stays for a
release that runs beside the new one.

Revision ID: 8b30c1f4e6d7
Revises: 5c1d7e02b9a4
"""

import sqlalchemy as sa
from alembic import op

revision = "8b30c1f4e6d7"
down_revision = "5c1d7e02b9a4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("forgotten", sa.BigInteger(), server_default="0", nullable=False))
    # A row that is put back has the number of its change for a version: behind all that rows of before had.
    op.execute(
        "UPDATE users SET change = newest.version FROM "
        "(SELECT user_id, max(version) AS version FROM tasks GROUP BY user_id) AS newest "
        "WHERE users.id = newest.user_id AND users.change < newest.version"
    )
    op.add_column("idempotency_keys", sa.Column("status", sa.SmallInteger(), nullable=True))
    op.add_column("idempotency_keys", sa.Column("row_id", sa.Uuid(), nullable=True))
    op.create_table(
        "sync_history",
        sa.Column("singleton", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("ck_sync_history_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_sync_history")),
    )
    op.execute("INSERT INTO sync_history DEFAULT VALUES")
    op.create_table(
        "tombstones",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_tombstones_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "collection", "id", name=op.f("pk_tombstones")),
    )
    op.create_index("ix_tombstones_change", "tombstones", ["user_id", "collection", "change", "id"])
    # Writes wait while it is built. Where that takes too long it is there before: docs/operations.md says how.
    op.create_index("ix_tasks_change", "tasks", ["user_id", "change", "id"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_tasks_change", table_name="tasks")
    op.drop_table("tombstones")
    op.drop_table("sync_history")
    op.drop_column("idempotency_keys", "row_id")
    op.drop_column("idempotency_keys", "status")
    op.drop_column("users", "forgotten")
