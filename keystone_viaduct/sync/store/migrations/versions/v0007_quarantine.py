"""Why a record was put aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")


def upgrade() -> None:
    """Add the column."""
    op.add_column("viaduct_held", sa.Column("why", TEXT))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("viaduct_held", "why")
