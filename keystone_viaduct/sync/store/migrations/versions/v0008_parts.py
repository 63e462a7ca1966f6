"""Parts of a record that is larger than a page, until all of them are here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import BLOB, OPTIONS, SITE

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "viaduct_part",
        sa.Column("source", SITE, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("data", BLOB, nullable=False),
        **OPTIONS,
    )


def downgrade() -> None:
    """Drop it; what has come in part comes anew."""
    op.drop_table("viaduct_part")
