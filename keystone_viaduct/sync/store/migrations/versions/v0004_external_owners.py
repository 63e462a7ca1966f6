"""Records say which of their owners have no row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the records that are there say nothing of their owners yet."""
    text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")
    op.add_column("viaduct_record", sa.Column("external_owners", text))


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("viaduct_record") as table:
        table.drop_column("external_owners")
