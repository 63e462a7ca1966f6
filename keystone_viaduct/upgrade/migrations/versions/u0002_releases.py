"""Which release each worker of our WSGI entry runs, and which columns its models have."""

from __future__ import annotations

import sqlalchemy as sa

from keystone_viaduct.upgrade.migrations.versions.u0001_journal import TEXT, make

revision = "u0002"
down_revision = "u0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    make(
        "viaduct_releases",
        sa.Column("worker", sa.String(255), primary_key=True),
        sa.Column("release", sa.String(64), nullable=False),
        sa.Column("columns", TEXT, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
    )
