"""refresh grace

Which token of a session was replaced last, and when tokens were replaced lately. Neither rewrites the table. A release
that knows neither leaves them as they are: what it replaces ends the session when it comes again, as it did.

Revision ID: 8d3b60f4a1c7
Revises: 8b30c1f4e6d7
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "8d3b60f4a1c7"
down_revision = "8b30c1f4e6d7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("local_sessions", sa.Column("previous_hash", sa.LargeBinary(), nullable=True))
    op.add_column(
        "local_sessions",
        sa.Column(
            "rotated_at", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=sa.text("'{}'"), nullable=False
        ),
    )


def downgrade() -> None:
    op.drop_column("local_sessions", "rotated_at")
    op.drop_column("local_sessions", "previous_hash")
