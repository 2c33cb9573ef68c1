"""schema compatibility

The oldest release that may serve this schema. A migration that takes something away writes it into the one row; older
releases, which do not know that migration, are then not ready.

Revision ID: 2f9c6ad01e85
Revises: 8d3b60f4a1c7
"""

import sqlalchemy as sa
from alembic import op

revision = "2f9c6ad01e85"
down_revision = "8d3b60f4a1c7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schema_compatibility",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("oldest_release", sa.Text(), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("ck_schema_compatibility_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_schema_compatibility")),
    )
    op.execute("INSERT INTO schema_compatibility (oldest_release) VALUES ('0.1.0')")


def downgrade() -> None:
    op.drop_table("schema_compatibility")
