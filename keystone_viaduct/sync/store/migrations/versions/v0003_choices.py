"""What an operator has chosen where joining a site changes somebody's access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import KEY, KIND, OPTIONS, SITE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "viaduct_choice",
        sa.Column("site", SITE, primary_key=True),
        sa.Column("kind", KIND, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        sa.Column("choice", sa.String(16), nullable=False),
        **OPTIONS,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("viaduct_choice")
