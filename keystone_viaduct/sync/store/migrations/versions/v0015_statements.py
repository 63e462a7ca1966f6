"""What the hub has signed, and the keys by which it is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")
revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; nothing is signed yet, and no key known."""
    op.add_column("viaduct_site", sa.Column("lineage", TEXT))
    op.add_column("viaduct_peer", sa.Column("signing_key", sa.String(64)))


def downgrade() -> None:
    """Drop them: nobody asks for signatures then."""
    with op.batch_alter_table("viaduct_peer") as table:
        table.drop_column("signing_key")
    with op.batch_alter_table("viaduct_site") as table:
        table.drop_column("lineage")
