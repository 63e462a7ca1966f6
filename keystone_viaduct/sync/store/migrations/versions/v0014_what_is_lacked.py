"""What waiting changes lack, so that what lacks something is left alone until that comes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from keystone_viaduct.sync.store.migrations.versions.v0001_first_tables import KEY, KIND, OPTIONS, SITE
from keystone_viaduct.sync.store.migrations.versions.v0006_blanks_in_keys import tell_blanks_apart

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ASCII = mysql.VARCHAR(32, charset="ascii", collation="ascii_bin")
DIGEST = sa.String(32).with_variant(_ASCII, "mysql").with_variant(_ASCII, "mariadb")


def upgrade() -> None:
    """Make the column, the indexes and the table. What waits already says what it lacks when it is tried."""
    op.add_column("viaduct_pending", sa.Column("lacks", sa.String(255), nullable=False, server_default=""))
    op.create_index("ix_viaduct_pending_lacks", "viaduct_pending", ["source", "lacks"])
    op.create_index("ix_viaduct_pending_record", "viaduct_pending", ["kind", "key"])
    op.create_table(
        "viaduct_lacked",
        sa.Column("source", SITE, primary_key=True),
        sa.Column("target", DIGEST, primary_key=True),
        sa.Column("kind", KIND, primary_key=True),
        sa.Column("key", KEY, primary_key=True),
        **OPTIONS,
    )
    op.create_index("ix_viaduct_lacked_record", "viaduct_lacked", ["source", "kind", "key"])
    tell_blanks_apart("viaduct_lacked")


def downgrade() -> None:
    """Drop them: all that waits is tried with each page then."""
    op.drop_table("viaduct_lacked")
    op.drop_index("ix_viaduct_pending_record", "viaduct_pending")
    op.drop_index("ix_viaduct_pending_lacks", "viaduct_pending")
    op.drop_column("viaduct_pending", "lacks")
