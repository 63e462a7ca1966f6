"""Tokens of transactions: whether a COMMIT was done whose answer was lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import OPTIONS

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "viaduct_commit",
        sa.Column("token", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Index("ix_viaduct_commit_at", "at"),
        **OPTIONS,
    )


def downgrade() -> None:
    """Drop it; a token is of use for a few minutes only."""
    op.drop_table("viaduct_commit")
