"""Which records a site's knowledge does not hold of, because they wait there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")


def upgrade() -> None:
    """Add the column."""
    op.add_column("viaduct_site", sa.Column("exceptions", TEXT))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("viaduct_site", "exceptions")
