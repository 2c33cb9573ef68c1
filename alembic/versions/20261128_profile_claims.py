"""profile claims

Which claims of a token a profile knows. Rows from before know none: no value can be right for all of them, and filling
them would lock the table for as long as it takes. modules.users.models says what is made of that.

Revision ID: 5c1d7e02b9a4
Revises: 5c1d8e0a7b42
"""

import sqlalchemy as sa
from alembic import op

revision = "5c1d7e02b9a4"
down_revision = "5c1d8e0a7b42"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("name_claim", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("claims_issued_at", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "claims_issued_at")
    op.drop_column("users", "name_claim")
