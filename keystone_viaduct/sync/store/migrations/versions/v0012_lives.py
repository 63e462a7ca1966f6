"""Which lives of sites nobody has met, and one peer has told of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql").with_variant(mysql.MEDIUMTEXT(), "mariadb")
revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of none that were told before is anything known."""
    op.add_column("viaduct_peer", sa.Column("lives", TEXT))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("viaduct_peer") as table:
        table.drop_column("lives")
